/**
 * SQL: how much of a trade its `close_trade` commands take; one that names no size closes all of it, more than any trade has.
 * @param trade its id, and `which` of the commands `k`: SQL
 */
export const beingClosed = (trade: string, which: string): string => `coalesce((select sum(coalesce((k.payload ->> 'size')::numeric, 1e15)) from agent_commands k
  where k.trade_id = ${trade} and k.type = 'close_trade' and ${which}), 0)`;
