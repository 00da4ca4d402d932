import { type ComponentType, lazy, Suspense, useEffect } from 'react';
import { Redirect, Route, Switch } from 'wouter';
import { Empty } from '../kit/panel.js';

/** Behind the first view all other pages are read while nothing else is done: they are there when the server is not. */
const LATER_MS = 2_000;

/** Each area has its own addresses below its own name. */
const AREAS: Record<string, ComponentType> = {
  overview: lazy(() => import('./overview/overview-page.js')),
  agents: lazy(() => import('./agents/agents-page.js')),
  trades: lazy(() => import('./trades/trades-page.js')),
  ideas: lazy(() => import('./ideas/ideas-page.js')),
  alerts: lazy(() => import('./alerts/alerts-page.js')),
  risk: lazy(() => import('./risk/risk-page.js')),
  history: lazy(() => import('./history/history-page.js')),
  system: lazy(() => import('./system/system-page.js')),
  settings: lazy(() => import('./settings/settings-page.js')),
  why: lazy(() => import('./why/why-page.js')),
  start: lazy(() => import('./start/start-page.js')),
};

export function Pages() {
  useEffect(() => {
    const timer = setTimeout(() => void import('./agents/agents-page.js').catch(() => undefined), LATER_MS);
    return () => clearTimeout(timer);
  }, []);
  return (
    <Suspense fallback={<p className="quiet" role="status">Reading …</p>}>
      <Switch>
        <Route path="/"><Redirect to="/overview" replace /></Route>
        {Object.entries(AREAS).map(([name, Area]) => <Route key={name} path={`/${name}/*?`} component={Area} />)}
        <Route><Empty>There is no page at this address. The rail leads to those that there are.</Empty></Route>
      </Switch>
    </Suspense>
  );
}
