import { useQuery } from '@tanstack/react-query';
import { type KeyboardEvent, useEffect, useId, useState } from 'react';
import { useLocation } from 'wouter';
import { answer, api } from '../api/client.js';
import type { ApiError } from '../api/problem.js';
import type { AnswerOf } from '../api/queries.js';
import { Dialog } from '../kit/dialog.js';
import { ProblemNote } from '../kit/problem-note.js';
import css from './search.module.css';

type Found = AnswerOf<'/api/v1/search'>['items'][number];

/** Nobody types faster: one question for what was typed within this time. */
const PAUSE_MS = 150;
const isTyping = (target: EventTarget | null): boolean => target instanceof HTMLElement && (target.isContentEditable || ['INPUT', 'TEXTAREA', 'SELECT'].includes(target.tagName));

/** `/` opens it from everywhere but a field that is being filled in. */
export function SearchButton() {
  const [isOpen, setOpen] = useState(false);
  useEffect(() => {
    const press = (event: globalThis.KeyboardEvent) => {
      if (event.key !== '/' || event.ctrlKey || event.altKey || event.metaKey || isTyping(event.target) || document.querySelector('dialog[open]')) return;
      event.preventDefault();
      setOpen(true);
    };
    window.addEventListener('keydown', press);
    return () => window.removeEventListener('keydown', press);
  }, []);
  return (
    <>
      <button type="button" aria-keyshortcuts="/" title="/" onClick={() => setOpen(true)}>Search</button>
      {isOpen ? <Dialog title="Search" onClose={() => setOpen(false)}><Search onDone={() => setOpen(false)} /></Dialog> : null}
    </>
  );
}

function useAfterPause(text: string): string {
  const [settled, setSettled] = useState(text);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(text), PAUSE_MS);
    return () => clearTimeout(timer);
  }, [text]);
  return settled;
}

function Search({ onDone }: { onDone: () => void }) {
  const id = useId();
  const [, go] = useLocation();
  const [text, setText] = useState('');
  const [at, setAt] = useState(0);
  const [isWaiting, setWaiting] = useState(false);
  const q = useAfterPause(text.trim());
  const { data, error, isFetching } = useQuery<AnswerOf<'/api/v1/search'>, ApiError>({
    queryKey: ['/api/v1/search', { q }], queryFn: ({ signal }) => answer(api.GET('/api/v1/search', { params: { query: { q } }, signal })), enabled: q !== '', gcTime: 30_000,
  });
  const isSettled = q === text.trim() && !isFetching;
  const found = isSettled && q !== '' ? data?.items ?? [] : [];
  const open = (each: Found | undefined) => {
    if (!each) return;
    go(`/${each.path.replace(/^\//, '')}`);
    onDone();
  };
  // Enter before the answer goes to what the answer brings.
  useEffect(() => {
    if (!isWaiting || !isSettled) return;
    setWaiting(false);
    open(found[0]);
  });
  const keys = (event: KeyboardEvent) => {
    const step = event.key === 'ArrowDown' ? 1 : event.key === 'ArrowUp' ? -1 : 0;
    if (step !== 0 && found.length > 0) setAt((at + step + found.length) % found.length);
    else if (event.key === 'Enter' && isSettled) open(found[at]);
    else if (event.key === 'Enter' && text.trim() !== '') setWaiting(true);
    if (step !== 0 || event.key === 'Enter') event.preventDefault();
  };
  return (
    <>
      <input
        type="search" role="combobox" aria-label="Search for any id, tag, ticket, symbol or name" aria-expanded={found.length > 0} aria-controls={id} aria-activedescendant={found[at] ? `${id}-${at}` : undefined}
        autoFocus autoComplete="off" spellCheck={false} maxLength={200} placeholder="Id, tag, ticket, symbol, name" value={text} onChange={({ target }) => { setText(target.value); setAt(0); setWaiting(false); }} onKeyDown={keys}
      />
      <ProblemNote error={q === '' ? null : error} />
      <ul id={id} role="listbox" aria-label="Found" className={css.found}>
        {found.map((each, index) => (
          <li key={`${each.kind} ${each.id}`} id={`${id}-${index}`} role="option" aria-selected={index === at} className={css.one} onClick={() => open(each)} onPointerEnter={() => setAt(index)}>
            <span className={css.kind}>{each.kind}</span> <span><strong>{each.title}</strong> <span className="quiet small">{each.detail}</span></span>
          </li>
        ))}
      </ul>
      <p className="small quiet" role="status">{text.trim() === '' ? 'Any id or 8 characters of its beginning, order tag, ticket, symbol, or name.' : !isSettled ? 'Looking …' : error ? '' : found.length === 0 ? `Nothing is called ${q}.` : '↑ ↓ choose, Enter goes there.'}</p>
    </>
  );
}
