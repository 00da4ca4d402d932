/** Held by the session of an import or a rollback: one at a time in a database. SQL. */
export const IMPORT_LOCK = `hashtextextended('tradewarden import', 0)`;

/** SQL: whether an id is one that an import made: a UUID of version 8, which nothing else here makes. */
export const isImportedId = (id: string) => `get_byte(uuid_send(${id}), 6) >> 4 = 8`;
