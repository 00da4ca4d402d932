/** SQL: whether an id is one that an import made: a UUID of version 8, which nothing else here makes. */
export const isImportedId = (id: string) => `get_byte(uuid_send(${id}), 6) >> 4 = 8`;
