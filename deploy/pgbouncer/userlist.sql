-- The line of userlist.txt for the writer: his name, and what PostgreSQL keeps of his password. As a superuser, after `setup`:
--
--   sudo -u postgres psql -XAtq -v writer=tradewarden -f deploy/pgbouncer/userlist.sql | sudo -u postgres tee /etc/pgbouncer/userlist.txt > /dev/null
--   sudo chmod 600 /etc/pgbouncer/userlist.txt
--   sudo systemctl reload pgbouncer
--
-- Again after each change of the password. There is no role of PgBouncer's own in the database and no function that
-- hands out secrets: a database that was restored under this name is reached at once.
select format('"%s" "%s"', replace(rolname, '"', '""'), rolpassword) from pg_authid where rolname = :'writer';
