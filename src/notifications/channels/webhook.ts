import { Webhook } from 'standardwebhooks';
import { refusedAddress } from './addresses.js';
import type { Attempt, Destination } from './channel.js';
import { ask, reasonOf } from './request.js';

const TARGET = 'webhook';

/**
 * Signed as Standard Webhooks says. Of the answer nothing but its status is kept: the address may lead into the own
 * network, and what a service there says is not for the readers of this one.
 */
export function webhookDestination(url: string, secret: string): Destination {
  return {
    targets: [TARGET],
    async send({ id, content }): Promise<Attempt> {
      const body = JSON.stringify(content.body);
      const at = new Date();
      const messageId = `msg_${id}`;
      const headers = {
        'content-type': 'application/json', 'webhook-id': messageId, 'webhook-timestamp': String(Math.floor(at.getTime() / 1000)),
        'webhook-signature': new Webhook(secret).sign(messageId, at, body),
      };
      try {
        const { status, retryAfterSeconds } = await ask(url, { method: 'POST', headers, body, refuses: refusedAddress });
        if (status >= 200 && status < 300) return { reached: [TARGET], failures: [], said: `it answered ${status}` };
        return failed(`it answered ${status}${status >= 300 && status < 400 ? ', and redirects are not followed' : ''}`, isLasting(status), retryAfterSeconds);
      } catch (error) {
        return failed(reasonOf(error), false, null);
      }
    },
  };
}

const isLasting = (status: number): boolean => status < 500 && ![408, 425, 429].includes(status);

const failed = (reason: string, isRefused: boolean, after: number | null): Attempt => ({
  reached: [], failures: [{ target: TARGET, reason, isRefused, ...(after === null ? {} : { retryAfterSeconds: after }) }], said: reason,
});
