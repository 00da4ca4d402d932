/**
 * SQL: what people call that which a halt, a limit or a breaker is of. A symbol is its own name; null where what it was of is no more.
 * @param type of the scope, and its id: SQL
 */
export const scopeName = (type: string, id: string): string => `case ${type} when 'account' then (select name from accounts where id::text = ${id}::text)
  when 'agent' then (select name from agents where id::text = ${id}::text) when 'strategy' then (select name from strategies where id::text = ${id}::text) else ${id}::text end`;
