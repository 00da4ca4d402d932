import { isIP, isIPv6 } from 'node:net';
import type { FastifyRequest } from 'fastify';
import type { Origin } from './audit.js';

export const originOf = (request: FastifyRequest): Origin => ({
  address: plainAddress(request.ip) ?? plainAddress(request.socket.remoteAddress ?? ''),
  userAgent: request.headers['user-agent'] ?? null,
  correlationId: request.id,
});

/**
 * An address in one spelling: a socket that takes both families names IPv4 callers as `::ffff:192.0.2.1`, and some
 * proxies add the port. Null for what is no address: a forwarding header carries what its sender wrote.
 */
export function plainAddress(given: string): string | null {
  const bare = given.replace(/^\[([^\]]*)\](:\d+)?$/, '$1').replace(/^(\d+\.\d+\.\d+\.\d+):\d+$/, '$1').replace(/^::ffff:(?=\d+\.\d+\.\d+\.\d+$)/i, '');
  return isIP(bare) === 0 ? null : bare;
}

/**
 * What one caller has of addresses: an IPv4 address as it is, of IPv6 the first 64 bits. Everybody who has one IPv6
 * address has 2^64 of them, and would be a new caller with each.
 */
export function networkOf(address: string | null): string {
  const plain = (address ?? '').replace(/%.*$/, '');
  if (!isIPv6(plain)) return plain;
  const [head = '', tail] = plain.split('::');
  const groups = head === '' ? [] : head.split(':');
  const behind = tail ? tail.split(':') : [];
  const all = tail === undefined ? groups : [...groups, ...Array<string>(Math.max(0, 8 - groups.length - behind.length)).fill('0'), ...behind];
  return `${all.slice(0, 4).map((group) => Number.parseInt(group, 16).toString(16)).join(':')}::/64`;
}
