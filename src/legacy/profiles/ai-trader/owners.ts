/** Whose the rows are that say no mode: the shipped trades are of a back-test, and predictions and candles are nobody's account's. */
export const SIMULATION = 'simulation';
