import { type ReactNode, useEffect, useRef } from 'react';
import { useLocation } from 'wouter';
import { Boundary } from '../kit/boundary.js';
import { Empty } from '../kit/panel.js';
import css from './frame.module.css';
import { Rail } from './rail.js';
import { HaltDialog } from './stop/halt-dialog.js';
import { Strip } from './strip.js';

/** The safety strip on top of every page, the rail, and the page. */
export function Frame({ children }: { children: ReactNode }) {
  const [address] = useLocation();
  useTop(address);
  return (
    <>
      <a className={css.skip} href="#page">To the page</a>
      <Strip />
      <div className={css.below}>
        <Rail />
        <main id="page" className={css.page} tabIndex={-1}>
          <Boundary of={address} instead={(error) => <PageFailed error={error} />}>{children}</Boundary>
        </main>
      </div>
      <Boundary of={address} instead={() => null}><HaltDialog /></Boundary>
    </>
  );
}

/** Another page begins at its top; back leads to where one was, which the browser knows. */
function useTop(address: string): void {
  const isBack = useRef(false);
  useEffect(() => {
    const mark = () => (isBack.current = true);
    window.addEventListener('popstate', mark);
    return () => window.removeEventListener('popstate', mark);
  }, []);
  useEffect(() => {
    if (!isBack.current) window.scrollTo(0, 0);
    isBack.current = false;
  }, [address]);
}

/** Also where a part of it is no longer there, since the server has another version of it. */
const PageFailed = ({ error }: { error: Error }) => (
  <>
    <p role="alert" className="danger">■ This page could not be shown: {error.message}</p>
    <Empty>The strip above still holds, and so does Stop. <button type="button" onClick={() => location.reload()}>Reload</button></Empty>
  </>
);
