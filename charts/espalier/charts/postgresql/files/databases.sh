# Sourced by the image's entrypoint when the volume is empty. Creates one database and one role per service. No role may connect
# to the other's database. Passwords are read from files and quoted by psql.
socket=/var/run/postgresql
[ -S "$socket/.s.PGSQL.5432" ] || socket=/tmp
for name in api mlflow; do
  psql -v ON_ERROR_STOP=1 -q -h "$socket" -U postgres -d postgres \
    -v name="$name" -v password="$(cat "/run/secrets/postgresql/$name-password")" <<'SQL'
CREATE ROLE :"name" LOGIN PASSWORD :'password';
CREATE DATABASE :"name" OWNER :"name" TEMPLATE template0 ENCODING 'UTF8';
REVOKE ALL ON DATABASE :"name" FROM PUBLIC;
SQL
done
