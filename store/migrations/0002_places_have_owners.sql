-- The places of charges and uses have the owner's id since now. What is charged is read anew from the cluster before anything is reserved; the intervals of
-- resource-hours stay open.

DELETE FROM uses;
DELETE FROM charges;
DELETE FROM accounts;
DELETE FROM compared;
