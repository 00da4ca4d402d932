import { useCallback } from 'react';
import { useSearchParams } from 'wouter';

/** Filters live in the address, so that it can be sent to someone; an empty value leaves it. */
export function useFilter(name: string, otherwise = ''): [string, (value: string) => void] {
  const [params, setParams] = useSearchParams();
  const set = useCallback((value: string) => setParams((now) => {
    const next = new URLSearchParams(now);
    if (value === '' || value === otherwise) next.delete(name);
    else next.set(name, value);
    return next;
  }, { replace: true }), [name, otherwise, setParams]);
  return [params.get(name) ?? otherwise, set];
}

/** Those filters that are set, as query parameters of the API. */
export const given = <T extends Record<string, string>>(filters: T): Partial<T> => Object.fromEntries(Object.entries(filters).filter(([, value]) => value !== '')) as Partial<T>;
