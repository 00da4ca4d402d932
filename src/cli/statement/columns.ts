export const FIELDS = ['dealId', 'time', 'symbol', 'side', 'direction', 'volume', 'price', 'commission', 'fee', 'swap', 'profit', 'balance'] as const;
export type Field = (typeof FIELDS)[number];

/** Without these there is nothing to compare. */
const NEEDED = ['dealId', 'time', 'symbol', 'side', 'volume', 'price', 'profit'] as const satisfies Field[];

/** Headings in small letters, without anything else. */
const HEADINGS: Record<Field, string> = {
  dealId: 'dealid deal dealticket dealnumber ticket id executionid fillid', time: 'time date datetime timestamp dealtime executiontime filltime', symbol: 'symbol instrument ticker', side: 'side type action dealtype buysell',
  direction: 'direction entry inout', volume: 'volume size quantity qty lots lot', price: 'price dealprice fillprice executionprice', commission: 'commission commissions', fee: 'fee fees', swap: 'swap swaps rollover financing',
  profit: 'profit grossprofit pnl pl realizedpnl realisedpnl', balance: 'balance',
};
const FIELD_OF = new Map(FIELDS.flatMap((field) => HEADINGS[field].split(' ').map((heading) => [heading, field] as const)));

/** Where each field stands. */
export type Columns = Partial<Record<Field, number>> & Record<(typeof NEEDED)[number], number>;

/** What a row of headings says, or what keeps it from being one. */
export function columnsOf(cells: readonly string[]): { columns: Columns } | { missing: string[]; twice: string[] } {
  const fields = cells.map((cell) => FIELD_OF.get(cell.replace(/\(.*?\)/g, '').toLowerCase().replace(/[^a-z]/g, '')));
  const missing = NEEDED.filter((field) => !fields.includes(field));
  const twice = FIELDS.filter((field) => fields.filter((each) => each === field).length > 1);
  if (missing.length > 0 || twice.length > 0) return { missing, twice };
  return { columns: Object.fromEntries(FIELDS.filter((field) => fields.includes(field)).map((field) => [field, fields.indexOf(field)])) as Columns };
}
