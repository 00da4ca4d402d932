import type { ReactNode } from 'react';
import css from './frame.module.css';
import { Rail } from './rail.js';
import { HaltDialog } from './stop/halt-dialog.js';
import { Strip } from './strip.js';

/** The safety strip on top of every page, the rail, and the page. */
export function Frame({ children }: { children: ReactNode }) {
  return (
    <>
      <a className={css.skip} href="#page">To the page</a>
      <Strip />
      <div className={css.below}>
        <Rail />
        <main id="page" className={css.page} tabIndex={-1}>{children}</main>
      </div>
      <HaltDialog />
    </>
  );
}
