/** What a record of ours has under a word that came from outside: `constructor` and `__proto__` are words like any other. */
export const own = <T>(record: Readonly<Record<string, T>>, word: string): T | undefined => (Object.hasOwn(record, word) ? record[word] : undefined);
