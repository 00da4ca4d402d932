/** The token in the address of a webhook is its password: it stands in no log and no answer. Of any spelling of such a path, since those that are refused are shown too. */
const SECRET_PATH = /^(.{0,20}?webhooks?(?:\/|%2f)+[^/%]{0,40}(?:\/|%2f)).+$/i;
const SECRET_WORD = /tws_[\w-]{8,}/g;

/** The path of a request as logs and answers may show it: without its query, and without the secret of a webhook. */
export const shownPath = (url: string): string => (url.split('?')[0] ?? '').replace(SECRET_PATH, '$1***').replace(SECRET_WORD, '***');

/** A sentence of the framework: it repeats the address that was asked. */
export const withShownPaths = (message: string): string => message.replace(/\S*(?:webhook|tws_)\S*/gi, (path) => shownPath(path));
