import { type AnswerOf, useGet, useList } from '../../../api/queries.js';

/** Whose limits there are beside those for everybody. */
export const SCOPES = ['account', 'agent', 'strategy'] as const;
export type Scope = (typeof SCOPES)[number];
export const isScope = (text: string): text is Scope => (SCOPES as readonly string[]).includes(text);

type Path = '/api/v1/limits/account/{accountId}';
export type NarrowerLimits = AnswerOf<Path>;

/** The three paths differ in their names alone. */
export const pathOf = (scope: Scope) => `/api/v1/limits/${scope}/{${scope}Id}` as Path;
const historyOf = (scope: Scope) => `${pathOf(scope)}/history` as `${Path}/history`;
export const paramsOf = (scope: Scope, id: string) => ({ [`${scope}Id`]: id }) as { accountId: string };

export const useLimitsOf = (scope: Scope, id: string) => useGet(pathOf(scope), { path: paramsOf(scope, id) });
export const useLimitsHistory = (scope: Scope, id: string) => useList(historyOf(scope), { path: paramsOf(scope, id) });
