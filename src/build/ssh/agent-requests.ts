/**
 * What a command may ask an SSH agent for (draft-miller-ssh-agent): to list keys and to sign with them. Others
 * would change what the caller's agent holds. Pure.
 */

const allowed = new Set([
  1, // identities of protocol 1, which newer agents answer with none
  11, // SSH_AGENTC_REQUEST_IDENTITIES
  13, // SSH_AGENTC_SIGN_REQUEST
  27, // SSH_AGENTC_EXTENSION: ssh binds a session to the host that it talks to
]);

/** No agent knows it, so that it answers with a failure, in its turn. */
const unknownRequest = Uint8Array.of(0, 0, 0, 1, 255);

/** As OpenSSH limits them. */
const maxRequestBytes = 256 << 10;

/** Passes on the requests of one connection. */
export class AgentRequests {
  private pending = Buffer.alloc(0);

  /** What of it goes to the agent. @throws Error when it is no request at all */
  pass(bytes: Uint8Array): Uint8Array[] {
    this.pending = Buffer.concat([this.pending, bytes]);
    const passed: Uint8Array[] = [];
    while (this.pending.length >= 5) {
      const size = this.pending.readUInt32BE(0);
      if (size < 1 || size > maxRequestBytes) throw new Error("no request to an SSH agent");
      if (this.pending.length < 4 + size) break;
      const request = this.pending.subarray(0, 4 + size);
      passed.push(allowed.has(request[4] ?? 0) ? Buffer.from(request) : unknownRequest);
      this.pending = this.pending.subarray(4 + size);
    }
    return passed;
  }
}
