/**
 * What may be read from a replica, by name: answers about what is over, in which a few seconds do not matter. Everything else
 * is read where it is written: who signs in, what the gate decides, what an agent is told, lists that people act on, and exports,
 * which must be whole.
 */
export const REPORTS = ['trades.stats', 'trades.equity-curve', 'reports.performance', 'reports.curve-marks', 'predictions.stats'] as const;
export type Report = (typeof REPORTS)[number];
