import { conflict, type Problem } from '../common/problem.js';

/** What whoever wants to release a retirement is told. */
export const retired = (): Problem => conflict('RETIRED', 'This system is retired, so that it does not trade beside another: "tradewarden unretire" ends that, once the other one has stopped.');
