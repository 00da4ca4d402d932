/** As SQLite compares the names of tables and columns: ASCII letters in either case are one. */
export const plainName = (name: string): string => name.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
