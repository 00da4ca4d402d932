import { readable } from '../../../instruments/figures.js';
import { needsApproval, off, passed, reason, rejected, type Rule } from '../finding.js';
import { limitsNamed, LIMIT_CODES, whose } from '../limits.js';

/** A claim of the model: too small a one asks a person, it never scales a size. */
export const confidence: Rule = {
  name: 'confidence',
  codes: ['CONFIDENCE_INVALID', 'CONFIDENCE_MISSING', 'CONFIDENCE_LOW', ...LIMIT_CODES],
  check(facts) {
    const { idea } = facts.input;
    const { limits, faults } = limitsNamed(facts, 'minConfidenceThreshold');
    const input = { confidence: idea.confidence, approved: idea.approved, ...Object.fromEntries(limits.map(({ from, text }) => [`minConfidenceThreshold ${from}`, text])) };
    const claimed = idea.confidence === null ? null : readable(idea.confidence);
    if (idea.confidence !== null && !claimed?.lte(1)) return rejected(input, reason('CONFIDENCE_INVALID', `The confidence ${idea.confidence.slice(0, 40)} is no decimal from 0 to 1.`, idea.confidence));
    if (faults.length > 0) return rejected(input, ...faults);
    if (limits.length === 0) return off(input);
    const under = limits.filter(({ value }) => (claimed ? claimed.lt(value) : !value.isZero()));
    if (under.length === 0 || idea.approved === true) return passed(input);
    return needsApproval(input, ...under.map((limit) => claimed
      ? reason('CONFIDENCE_LOW', `The confidence is ${claimed.toFixed()}; minConfidenceThreshold ${whose(limit)} is ${limit.text}.`, claimed.toFixed(), limit.text)
      : reason('CONFIDENCE_MISSING', `No confidence is given; minConfidenceThreshold ${whose(limit)} is ${limit.text}.`, null, limit.text)));
  },
};
