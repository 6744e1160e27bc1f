/** Addresses as they may be shown: without the credentials that people write into them. Pure. */

const inUrl = /\b([a-z][a-z0-9+.-]*):\/\/([^\s/"'?#]*)@/gi;

/**
 * A text in which all URLs have lost their passwords. What stands before `@` may be a token as a whole, except
 * with ssh, where it is the name of an account.
 */
export function redactUrls(text: string): string {
  return text.replace(inUrl, (_, scheme: string, userinfo: string) => {
    const colon = userinfo.indexOf(":");
    const isAccount = /ssh/i.test(scheme);
    if (!isAccount) return `${scheme}://xxxxx@`;
    return `${scheme}://${colon < 0 ? userinfo : `${userinfo.slice(0, colon)}:xxxxx`}@`;
  });
}

/** Percent signs that lead nowhere stand for themselves. */
export function decodePercent(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** Leaves credentials out of what JSON.stringify() writes of a step. */
export const withoutSecrets = (key: string, value: unknown) =>
  key === "credentials" ? null : typeof value === "string" ? redactUrls(value) : value;
