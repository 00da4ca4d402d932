import { setTimeout as pause } from 'node:timers/promises';
import { createTransport } from 'nodemailer';
import type { Attempt, Destination, EmailChannel } from './channel.js';
import { reasonOf, TIMEOUT_MS } from './request.js';
import { oneLine, saidBy } from './said.js';

/** Each step has ten seconds; a server that uses all of them is given up between. */
const DEADLINE_MS = 30_000;

interface MailError extends Error {
  code?: string;
  response?: string;
  responseCode?: number;
  rejected?: string[];
}

/** Plain text to all recipients in one transaction. Addresses and the subject are single lines before they come here. */
export function emailDestination(channel: EmailChannel, password: string | null): Destination {
  const { host, port, tls, user, from } = channel;
  const secrets = password === null ? [] : [password, Buffer.from(password).toString('base64'), Buffer.from(`\0${user ?? ''}\0${password}`).toString('base64')];
  return {
    targets: channel.to,
    async send({ id, content, targets }): Promise<Attempt> {
      const transport = createTransport({
        host, port, secure: tls === 'implicit', requireTLS: tls === 'starttls', ignoreTLS: tls === 'none',
        ...(user === null ? {} : { auth: { user, pass: password ?? '' } }),
        connectionTimeout: TIMEOUT_MS, greetingTimeout: TIMEOUT_MS, socketTimeout: TIMEOUT_MS, dnsTimeout: TIMEOUT_MS,
        disableFileAccess: true, disableUrlAccess: true, tls: { minVersion: 'TLSv1.2' },
      });
      const giveUp = new AbortController();
      try {
        const late = pause(DEADLINE_MS, undefined, { signal: giveUp.signal }).then(() => Promise.reject(Object.assign(new Error('late'), { code: 'ETIMEDOUT' })));
        const mail = transport.sendMail({
          envelope: { from, to: [...targets] }, from: { name: 'Tradewarden', address: from }, to: channel.to, subject: oneLine(content.subject, 200), text: content.text,
          // The same on a repetition, so that a mailbox shows it once.
          messageId: `<${id}@${from.slice(from.lastIndexOf('@') + 1)}>`, headers: { 'Auto-Submitted': 'auto-generated' },
        });
        mail.catch(() => undefined);
        const info = (await Promise.race([mail, late])) as { accepted?: unknown[]; rejected?: unknown[]; response?: string };
        const rejected = targets.filter((address) => (info.rejected ?? []).includes(address));
        return {
          reached: targets.filter((address) => !rejected.includes(address)), said: saidBy(info.response ?? 'accepted', secrets),
          failures: rejected.map((target) => ({ target, reason: `${target} was refused`, isRefused: true })),
        };
      } catch (error) {
        const { response, responseCode, code } = error as MailError;
        const reason = response === undefined || code === 'ETLS' ? unanswered(error as MailError) : `it answered ${saidBy(response, secrets)}`;
        const isRefused = (responseCode ?? 0) >= 500;
        return { reached: [], failures: targets.map((target) => ({ target, reason, isRefused })), said: reason };
      } finally {
        giveUp.abort();
        transport.close();
      }
    },
  };
}

/** Of nodemailer's own codes; what the socket and TLS say is told as everywhere. */
function unanswered(error: MailError): string {
  if (error.code === 'ETLS' || /STARTTLS/i.test(error.message)) return 'it does not offer STARTTLS, or failed at it: nothing was sent';
  if (error.code === 'EAUTH') return 'it takes no sign-in, or no kind of it that we know';
  if (/certificate|self.signed|altname/i.test(error.message)) return 'its certificate is not trusted';
  if (error.code === 'ETIMEDOUT' || /timeout/i.test(error.message)) return 'it did not answer in time';
  return reasonOf((error as { cause?: unknown }).cause ?? error);
}
