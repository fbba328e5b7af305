-- Transactions are sealed from now on, in facts and in the center's own entity: a program that does not know of seals
-- must not go on with these books.
UPDATE leader SET epoch = epoch WHERE id = 1;
