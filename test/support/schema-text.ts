import type pg from 'pg';

/**
 * The schema of a database as text that reads the same on PostgreSQL 15 and 17, however it came about: tables with
 * columns, constraints, indexes and triggers, sequences, functions, and what the writer may do with each. Months are
 * left out: there are more of them every month.
 */
export async function schemaText(client: pg.Client, writer: string): Promise<string> {
  const lines = async (text: string, values: unknown[] = []) => (await client.query<{ line: string }>(text, values)).rows.map(({ line }) => line);
  const tables = (await client.query<{ oid: number; name: string; partitioned: string | null; unlogged: boolean }>(TABLES)).rows;
  const parts: string[] = [];
  for (const { oid, name, partitioned, unlogged } of tables) {
    parts.push(
      [
        `${unlogged ? 'unlogged ' : ''}table ${name}${partitioned === null ? '' : ` partition by ${partitioned}`}`,
        ...(await lines(COLUMNS, [oid])), ...(await lines(CONSTRAINTS, [oid])), ...(await lines(INDEXES, [oid])),
        ...(await lines(TRIGGERS, [oid])), ...(await lines(TABLE_GRANTS, [oid, writer])),
      ].join('\n  '),
    );
  }
  parts.push(...(await lines(SEQUENCES, [writer])), ...(await lines(FUNCTIONS, [writer])), ...(await lines(SCHEMA_GRANTS, [writer])));
  return `${parts.join('\n\n')}\n`;
}

const TABLES = `select c.oid, c.relname as name, case when c.relkind = 'p' then pg_get_partkeydef(c.oid) end as partitioned,
    c.relpersistence = 'u' as unlogged
  from pg_class c where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition order by c.relname`;

const COLUMNS = `select 'column ' || attname || ' ' || format_type(atttypid, atttypmod) || case when attnotnull then ' not null' else '' end
    || case attidentity when 'a' then ' identity always' when 'd' then ' identity by default' else '' end
    || coalesce(case attgenerated when 's' then ' generated ' else ' default ' end || pg_get_expr(adbin, adrelid), '') as line
  from pg_attribute left join pg_attrdef on adrelid = attrelid and adnum = attnum
  where attrelid = $1 and attnum > 0 and not attisdropped order by attnum`;

/** From PostgreSQL 18 on NOT NULL is a constraint too; it stands with its column. */
const CONSTRAINTS = `select 'constraint ' || conname || ' ' || pg_get_constraintdef(oid) as line
  from pg_constraint where conrelid = $1 and contype <> 'n' and conparentid = 0 order by conname`;

const INDEXES = `select case when indisunique then 'unique ' else '' end || 'index ' || regexp_replace(pg_get_indexdef(indexrelid), '^CREATE (UNIQUE )?INDEX ', '') as line
  from pg_index where indrelid = $1 and not exists (select 1 from pg_constraint where conindid = indexrelid and contype in ('p', 'u', 'x'))
  order by indexrelid::regclass::text collate "C"`;

const TRIGGERS = `select 'trigger ' || regexp_replace(pg_get_triggerdef(oid), '^CREATE TRIGGER ', '') as line
  from pg_trigger where tgrelid = $1 and not tgisinternal order by tgname`;

const TABLE_GRANTS = `select 'writer may ' || string_agg(lower(privilege_type), ', ' order by privilege_type) as line
  from pg_class c, aclexplode(c.relacl) where c.oid = $1 and grantee = $2::regrole having count(*) > 0`;

const SEQUENCES = `select 'sequence ' || c.relname || ' ' || format_type(s.seqtypid, null) || coalesce((select E'\\n  writer may '
      || string_agg(lower(privilege_type), ', ' order by privilege_type) from aclexplode(c.relacl) where grantee = $1::regrole), '') as line
  from pg_class c join pg_sequence s on s.seqrelid = c.oid
  where c.relnamespace = 'public'::regnamespace and not exists (select 1 from pg_depend d where d.objid = c.oid and d.deptype = 'i')
    and c.relname <> 'migrations_id_seq'
  order by c.relname`;

const FUNCTIONS = `select 'function ' || pg_get_functiondef(p.oid) || coalesce((select E'\\n  ' || string_agg(
      case when grantee = 0 then 'everybody' else 'writer' end || ' may ' || lower(privilege_type), E'\\n  ' order by grantee)
    from aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) where grantee in (0, $1::regrole)), '') as line
  from pg_proc p where p.pronamespace = 'public'::regnamespace order by p.proname`;

const SCHEMA_GRANTS = `select 'schema public' || string_agg(E'\\n  ' || case when grantee = 0 then 'everybody' else 'writer' end || ' may ' || lower(privilege_type),
    '' order by grantee, privilege_type) as line
  from pg_namespace, aclexplode(nspacl) where nspname = 'public' and grantee in (0, $1::regrole)`;
