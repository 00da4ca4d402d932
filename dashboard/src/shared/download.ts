import { hearServerDate } from '../api/clock.js';
import { noAnswer, problemOf } from '../api/problem.js';
import { accessToken, forget } from '../api/session.js';

/**
 * A file of the API, saved under the name that the server gives it. The token goes into a header, as everywhere; there is
 * no deadline, since a large file takes as long as it takes. A download that breaks off saves nothing.
 * @throws {ApiError} what the server says, or that it broke off
 */
export async function download(path: string, signal: AbortSignal): Promise<string> {
  const attempt = async (token: string) => {
    const response = await fetch(path, { headers: { authorization: `Bearer ${token}` }, signal });
    hearServerDate(response.headers.get('date'));
    return response;
  };
  try {
    const token = await accessToken();
    let response = await attempt(token);
    if (response.status === 401) {
      forget(token);
      response = await attempt(await accessToken());
    }
    if (!response.ok) throw await problemOf(response);
    const name = /filename="([^"]+)"/.exec(response.headers.get('content-disposition') ?? '')?.[1] ?? 'trades.csv';
    save(await response.blob(), name);
    return name;
  } catch (error) {
    if (error instanceof TypeError) throw noAnswer(error.message, true);
    throw error;
  }
}

function save(blob: Blob, name: string): void {
  const url = URL.createObjectURL(blob);
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  document.body.append(link);
  link.click();
  link.remove();
  // The browser reads it after the click.
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}
