export type HaltMode = 'halt' | 'reduce' | 'flatten';
export type ScopeType = 'global' | 'account' | 'agent' | 'strategy' | 'symbol';
export type Scope = { type: 'global' } | { type: Exclude<ScopeType, 'global'>; id: string };

const DOES: Record<HaltMode, string> = { halt: 'Halt', reduce: 'Reduce only', flatten: 'Flatten' };

export const MEANS: Record<HaltMode, string> = {
  halt: 'Nothing opens, entry orders are cancelled, and strategies stop deciding. Positions stay, with their stops.',
  reduce: 'Nothing opens, and entry orders are cancelled. Strategies go on managing the exits of what is open.',
  flatten: 'As halt, and every position in scope is closed at the market.',
};

interface Named { type: ScopeType; id?: string | null; name?: string | null }

const nameOf = (scope: Named): string =>
  (scope.type === 'global' ? 'everything' : scope.type === 'symbol' ? (scope.name ?? scope.id ?? 'a symbol') : `${scope.type} ${scope.name ?? scope.id ?? ''}`).trim();

/** "Halt EURUSD": what a button does, and what was asked for. */
export const deedOf = (mode: HaltMode, scope: Named): string => `${DOES[mode]} ${nameOf(scope)}`;

/** Of a halt that no page ends. */
export const RETIRED = 'This system is retired, so that it does not trade beside another one: "tradewarden unretire" at the command line ends it, once the other one has stopped.';

/** On a button that starts no word of what stops stands first. */
export const releaseOf = (scope: Named): string => `Let ${nameOf(scope)} trade again`;

/** "7 of 9 agents have stopped". */
export const stoppedOf = (mode: HaltMode, observed: number, all: number): string =>
  `${observed} of ${all} ${all === 1 ? 'agent' : 'agents'} ${mode === 'reduce' ? (all === 1 ? 'opens nothing any more' : 'open nothing any more') : all === 1 ? 'has stopped' : 'have stopped'}`;
