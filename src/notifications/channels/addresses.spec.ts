import { describe, expect, it } from '@jest/globals';
import { refusedAddress, webhookUrlFault } from './addresses.js';

describe('the address of a webhook', () => {
  it.each(['https://example.com/a?b=c', 'https://8.8.8.8/', 'http://127.0.0.1:5678/', 'http://[::1]/', 'http://10.1.2.3/', 'http://192.168.1.9/', 'https://172.16.0.1/', 'http://n8n:5678/hook', 'http://localhost/'])('%s may be one', (url) => {
    expect(webhookUrlFault(url)).toBeNull();
  });

  it.each([
    'ftp://example.com', 'file:///etc/passwd', 'example.com', 'https://u@example.com/', 'https://example.com/#x', 'http://169.254.169.254/', 'http://[::ffff:169.254.169.254]/', 'http://[fe80::1]/', 'http://[fd00:ec2::254]/',
    'http://2852039166/', 'http://0xa9fea9fe/', 'http://0.0.0.0/', 'http://[::]/', 'http://224.0.0.1/', 'http://8.8.8.8/', 'http://172.32.0.1/', 'http://[2001:db8::1]/', 'http://[64:ff9b::a9fe:a9fe]/',
  ])('%s may not', (url) => {
    expect(webhookUrlFault(url)).not.toBeNull();
  });

  it('is asked again of what its name leads to', () => {
    expect([refusedAddress('169.254.169.254', 'https:'), refusedAddress('93.184.216.34', 'http:')]).toEqual([expect.any(String), expect.any(String)]);
    expect([refusedAddress('93.184.216.34', 'https:'), refusedAddress('10.0.0.9', 'http:'), refusedAddress('fd12::1', 'http:')]).toEqual([null, null, null]);
  });
});
