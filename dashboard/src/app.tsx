import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import { followEvents } from './api/live.js';
import { ApiError } from './api/problem.js';
import { refresh, useSession } from './api/session.js';
import { Broken } from './frame/broken.js';
import { Frame } from './frame/frame.js';
import { SignIn } from './frame/sign-in.js';
import { useStopSender } from './frame/stop/stop-sender.js';
import { Unreachable } from './frame/unreachable.js';
import { Boundary } from './kit/boundary.js';
import { Pages } from './pages/pages.js';

/** A refused request is not asked again; one that got no answer is, twice. */
const mayRetry = (failures: number, error: Error): boolean => failures < 2 && (!(error instanceof ApiError) || error.status === 0);

const newClient = () => new QueryClient({
  defaultOptions: { queries: { retry: mayRetry, retryDelay: 1_000, staleTime: 0, refetchOnWindowFocus: true, networkMode: 'always' }, mutations: { networkMode: 'always' } },
});

const AGAIN_MS = 3_000;

export function App() {
  const session = useSession();
  useEffect(() => {
    if (session.state !== 'unknown' && session.state !== 'unreachable') return;
    const timer = setTimeout(() => void refresh().catch(() => undefined), session.state === 'unknown' ? 0 : AGAIN_MS);
    return () => clearTimeout(timer);
  }, [session]);
  if (session.state === 'unknown') return null;
  if (session.state === 'unreachable') return <Unreachable why={session.why} />;
  return session.state === 'out' ? <SignIn why={session.why} /> : <Inside key={session.user.id} userId={session.user.id} />;
}

/** What another person saw before is not in this one's cache. */
function Inside({ userId }: { userId: string }) {
  const [client] = useState(newClient);
  useEffect(() => followEvents(client), [client]);
  // Outside of what may fail: what was asked to stop is sent whatever becomes of the rest.
  useStopSender(client, userId);
  return (
    <QueryClientProvider client={client}>
      <Boundary instead={(error, again) => <Broken error={error} again={again} />}><Frame><Pages /></Frame></Boundary>
    </QueryClientProvider>
  );
}
