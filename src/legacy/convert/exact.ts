import { Exact as ExactOfOurs } from '../../common/decimal.js';

/** Old amounts, to the last digit: a text may have 800, and a double be 1e-320, of which ours keep 60 behind the first. */
export const Exact = ExactOfOurs.clone({ precision: 2_500 });
