/** Of any version, in either case, with its dashes: as PostgreSQL casts it without a fault. The library's check would refuse ids that others made up. */
export const isUuid = (text: string): boolean => /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text);
