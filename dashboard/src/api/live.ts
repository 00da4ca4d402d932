import type { QueryClient } from '@tanstack/react-query';
import { makeStale } from './queries.js';
import { EventStream, setStream } from './stream.js';
import { touchedBy } from './touched.js';

/** A thousand events a minute are at most 75 rounds of looks: what came within this time is looked at together. */
const TOGETHER_MS = 800;

/** Keeps what is shown true: each event makes old what it touches. Answers how to end it. */
export function followEvents(client: QueryClient): () => void {
  let touched = new Set<string>();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const stream = new EventStream(
    (type) => {
      for (const prefix of touchedBy(type)) touched.add(prefix);
      timer ??= setTimeout(() => {
        const prefixes = [...touched];
        touched = new Set();
        timer = undefined;
        void makeStale(client, ...prefixes);
      }, TOGETHER_MS);
    },
    () => void makeStale(client, ''),
  );
  setStream(stream);
  stream.start();
  return () => {
    clearTimeout(timer);
    stream.stop();
    setStream(null);
  };
}
