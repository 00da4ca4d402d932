/** What an operator's access token names: user, session, and the user's session version. */
export function operatorOf(accessToken: string): { sub: string; sid: string; sv: number } {
  const { sub, sid, sv } = JSON.parse(Buffer.from(accessToken.split('.')[1] ?? '', 'base64url').toString()) as { sub: string; sid: string; sv: number };
  return { sub, sid, sv };
}
