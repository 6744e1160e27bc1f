/** What EXPOSE names: `80`, `80/udp`, `8000-8010/tcp`, and Docker's older `HOST:CONTAINER`, of which the container's side counts. */

const protocols = ["tcp", "udp", "sctp"];

/** `80/tcp`, one for each port. @throws Error that says what is wrong */
export function exposedPorts(text: string): string[] {
  const [spec = "", protocol = "tcp", ...more] = text.split("/");
  const lower = protocol.toLowerCase();
  if (more.length > 0 || !protocols.includes(lower))
    throw new Error(`invalid proto: ${[protocol, ...more].join("/")}`);
  const container = spec.slice(spec.lastIndexOf(":") + 1);
  const match = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(container);
  const first = Number(match?.[1]);
  const last = Number(match?.[2] ?? match?.[1]);
  if (match === null || first > last || last > 65535)
    throw new Error(`invalid containerPort: ${container}`);
  return Array.from({ length: last - first + 1 }, (_, index) => `${first + index}/${lower}`);
}
