import { BlockList, isIP } from 'node:net';

/** Where a webhook may never lead: what clouds answer to their own machines there is a key to everything. */
const NEVER = new BlockList();
NEVER.addSubnet('169.254.0.0', 16, 'ipv4');
NEVER.addSubnet('fe80::', 10, 'ipv6');
NEVER.addAddress('fd00:ec2::254', 'ipv6');
NEVER.addAddress('100.100.100.200', 'ipv4');
NEVER.addAddress('192.0.0.192', 'ipv4');
NEVER.addSubnet('0.0.0.0', 8, 'ipv4');
NEVER.addSubnet('224.0.0.0', 3, 'ipv4');
NEVER.addAddress('::', 'ipv6');
NEVER.addSubnet('ff00::', 8, 'ipv6');

/** This machine, and networks that no stranger sits in. */
const OWN = new BlockList();
for (const [network, bits] of [['127.0.0.0', 8], ['10.0.0.0', 8], ['172.16.0.0', 12], ['192.168.0.0', 16], ['100.64.0.0', 10]] as const) OWN.addSubnet(network, bits, 'ipv4');
OWN.addAddress('::1', 'ipv6');
OWN.addSubnet('fc00::', 7, 'ipv6');

/** An IPv4 address that is written as an IPv6 one, as itself. */
function plain(address: string): string {
  const bare = address.replace(/^\[|\]$/g, '').replace(/%.*$/, '');
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(bare)?.[1];
  if (mapped !== undefined) return mapped;
  const hex = /^(?:::ffff:|64:ff9b::)([0-9a-f]{1,4}):([0-9a-f]{1,4})$/i.exec(bare);
  if (!hex) return bare;
  const [high, low] = [parseInt(hex[1] ?? '', 16), parseInt(hex[2] ?? '', 16)];
  return [high >> 8, high & 255, low >> 8, low & 255].join('.');
}

const isIn = (list: BlockList, address: string): boolean => list.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4');

/**
 * Why nothing may be sent to this address; null: it may. Asked of the very address that is connected to, so that a name
 * which leads elsewhere a moment later changes nothing. Own networks are allowed: whoever hosts this has the receiver beside it.
 */
export function refusedAddress(given: string, protocol: 'http:' | 'https:'): string | null {
  const address = plain(given);
  if (isIP(address) === 0) return 'leads to no address';
  if (isIn(NEVER, address)) return 'leads to an address that webhooks may not reach';
  if (protocol === 'http:' && !isIn(OWN, address)) return 'is http and leads out of the own network: it takes https';
  return null;
}

/** What is wrong with the address of a webhook as far as its text says; null: nothing. */
export function webhookUrlFault(text: string): string | null {
  if (!URL.canParse(text)) return 'must be an http or https URL';
  const { protocol, username, password, hash, hostname } = new URL(text);
  if (protocol !== 'http:' && protocol !== 'https:') return 'must be an http or https URL';
  if (username !== '' || password !== '') return 'must have no user and password in it';
  if (hash !== '') return 'must have no fragment';
  const refused = isIP(hostname.replace(/^\[|\]$/g, '')) === 0 ? null : refusedAddress(hostname, protocol);
  return refused;
}
