import { type QueryClient, useInfiniteQuery, useQuery, type UseQueryResult } from '@tanstack/react-query';
import { answer, api } from './client.js';
import type { ApiError } from './problem.js';
import type { paths } from './schema.js';

export type GetPath = { [P in keyof paths]: paths[P] extends { get: object } ? P : never }[keyof paths];
type Get<P extends GetPath> = paths[P]['get'];
/** What a GET answers with 200. */
export type AnswerOf<P extends GetPath> = Get<P> extends { responses: { 200: { content: { 'application/json': infer T } } } } ? T : never;
type Path<P extends GetPath> = Get<P> extends { parameters: { path: infer T } } ? { path: T } : { path?: never };
type Query<P extends GetPath> = Get<P> extends { parameters: { query?: infer T } } ? { query?: T } : { query?: never };
export type ParamsOf<P extends GetPath> = Path<P> & Query<P>;
/** One of a list's rows. */
export type ItemOf<P extends GetPath> = AnswerOf<P> extends { items: (infer T)[] } ? T : never;

/** Figures that no event tells of (equity, ages, queue) are asked for again; the rest follow the stream, and this is their net. */
export const REFRESH_MS = 15_000;

export interface Watching {
  /** Milliseconds between looks while the tab is seen. */
  every?: number;
  enabled?: boolean;
}

const keyOf = (path: string, params: unknown) => [path, params ?? {}] as const;

/** One answer of the API, kept by path and parameters: `useGet('/api/v1/trades/{tradeId}', { path: { tradeId } })`. */
export function useGet<P extends GetPath>(path: P, params?: ParamsOf<P>, { every = REFRESH_MS, enabled = true }: Watching = {}): UseQueryResult<AnswerOf<P>, ApiError> {
  return useQuery<AnswerOf<P>, ApiError>({
    queryKey: keyOf(path, params),
    queryFn: ({ signal }) => answer(api.GET(path as never, { params, signal } as never) as never),
    refetchInterval: every,
    enabled,
  });
}

/** A list by its pages. `rows` are those that were read so far; `query.fetchNextPage()` reads on. */
export function useList<P extends GetPath>(path: P, params?: ParamsOf<P>, { every = REFRESH_MS, enabled = true }: Watching = {}) {
  type Page = { items: ItemOf<P>[]; nextCursor: string | null };
  const query = useInfiniteQuery<Page, ApiError, { pages: Page[] }, readonly unknown[], string | undefined>({
    queryKey: keyOf(path, params),
    queryFn: ({ pageParam, signal }) => {
      const given = (params as { query?: object } | undefined)?.query;
      return answer(api.GET(path as never, { params: { ...params, query: { ...given, cursor: pageParam } }, signal } as never) as never);
    },
    initialPageParam: undefined,
    getNextPageParam: ({ nextCursor }) => nextCursor ?? undefined,
    refetchInterval: every,
    enabled,
  });
  return { query, rows: query.data?.pages.flatMap(({ items }) => items) ?? [] };
}

/** What was asked of these paths (and of what lies below them) is old: it is asked for again where somebody looks. */
export const makeStale = (client: QueryClient, ...prefixes: string[]): Promise<void> =>
  client.invalidateQueries({ predicate: ({ queryKey: [path] }) => prefixes.some((prefix) => String(path).startsWith(prefix)) });
