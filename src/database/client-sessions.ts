/**
 * Rows of pg_stat_activity that are connections of clients. Into sessions of another role PostgreSQL lets only members of that role and
 * of pg_read_all_stats see: their kind is null, and `= 'client backend'` would leave them out as if they were not there.
 */
export const CLIENT_SESSIONS = `usesysid is not null and datid is not null and coalesce(backend_type, 'client backend') = 'client backend'`;
