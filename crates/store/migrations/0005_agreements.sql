-- Agreements and vouchers pay for work from now on: a program that does not know of them must not go on with these books.
UPDATE leader SET epoch = epoch WHERE id = 1;
