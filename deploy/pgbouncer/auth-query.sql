-- Instead of userlist.sql, where passwords change often or several roles come: PgBouncer asks PostgreSQL itself. As a superuser, in
-- the database postgres, where a restore of tradewarden does not reach it:
--
--   sudo -u postgres psql -d postgres -v password="'$(openssl rand -hex 24)'" -f deploy/pgbouncer/auth-query.sql
--
-- and in pgbouncer.ini (auth_dbname from 1.19 on; with an older one in the database of the application, and after each restore again)
--
--   auth_user = pgbouncer
--   auth_dbname = postgres
--   auth_query = select name, secret from pgbouncer.secret_of($1)
--
-- with one line in userlist.txt: "pgbouncer" "the password". Superusers are not let in on this way.
create role pgbouncer login password :password connection limit 10;
create schema pgbouncer;
create function pgbouncer.secret_of(wanted text) returns table (name name, secret text)
  language sql stable security definer set search_path = pg_catalog
  as $$ select rolname, rolpassword from pg_authid where rolname = wanted and rolcanlogin and not rolsuper and not rolreplication and (rolvaliduntil is null or rolvaliduntil > now()) $$;
revoke all on schema pgbouncer from public;
revoke all on function pgbouncer.secret_of(text) from public;
grant usage on schema pgbouncer to pgbouncer;
grant execute on function pgbouncer.secret_of(text) to pgbouncer;
