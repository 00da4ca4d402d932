import { passed, reason, type Rule, skipped } from '../finding.js';

export const entryRange: Rule = {
  name: 'entry_range',
  codes: ['PRICE_OUTSIDE_RANGE'],
  check({ key, side, range, outside, input: { idea } }) {
    const input = { quote: side?.toFixed() ?? null, low: idea.entryRange?.low ?? null, high: idea.entryRange?.high ?? null };
    if (!range) return skipped(input);
    if (!side) return { ...passed(input), outcome: 'assumed' };
    if (!outside) return passed(input);
    const span = `${range.low.toFixed()} to ${range.high.toFixed()}`;
    return { outcome: 'waiting', input, reasons: [reason('PRICE_OUTSIDE_RANGE', `${key} is quoted at ${side.toFixed()}, outside ${span}.`, side.toFixed(), span)] };
  },
};
