/** Docker's newest client with its plugins for builds and Compose, against our service. */
import { expect, test } from "bun:test";
import { join } from "node:path";
import { testHost, users } from "../e2e/host.ts";
import { Service } from "../e2e/service.ts";

const tree = process.env.COOPER_PEERS_TREE ?? "";

const files = `
mkdir /tmp/w && cd /tmp/w
echo file > f; echo secret > s; echo junk > junk; echo junk > .dockerignore
cat > Dockerfile <<'E'
FROM hello AS base
ARG V=0
COPY . /ctx
RUN --mount=type=secret,id=s echo "$V $(cat /ctx/f) $(cat /run/secrets/s 2> /dev/null) $(ls /ctx | wc -l)" > /made
FROM base
CMD ["sleep", "100"]
E
cat > compose.yml <<'E'
services:
  web:
    build: {context: ., args: {V: "9"}}
    depends_on: {db: {condition: service_healthy}}
    links: ["db:database"]
  db:
    build: {context: ., dockerfile_inline: "FROM hello\\nCMD nc -ll -p 80 -e echo answer\\n"}
    healthcheck: {test: ["CMD-SHELL", "echo x | nc 127.0.0.1 80"], interval: 1s, retries: 9}
E
`;

const script = `
docker build --progress plain -t built --build-arg V=7 --secret id=s,src=s . > /tmp/log 2>&1 || { cat /tmp/log; exit 1; }
docker run --rm built cat /made
docker build --progress plain -t built --build-arg V=7 --secret id=s,src=s . 2>&1 | grep -c CACHED
docker buildx du | grep -c true
docker compose up -d --build > /tmp/log 2>&1 || { cat /tmp/log; exit 1; }
docker compose exec -T web cat /made
docker compose exec -T web nc database 80
docker compose ps --format '{{.Service}} {{.State}}'
docker compose down -t 0 > /tmp/log 2>&1 || { cat /tmp/log; exit 1; }
`;

test.each(users.map((user) => ({ user, who: user?.name ?? "the caller" })))(
  "docker build and docker compose of $who",
  async ({ user }) => {
    await using host = await testHost(user, { networks: true });
    await using service = await Service.start(host);
    const text = `set -eu\nexport DOCKER_HOST=unix://${service.socket}\n${files}${script}`;
    const run = Bun.spawnSync([join(import.meta.dir, "enter"), tree, host.run, "sh", "-c", text], {
      env: { PATH: "/usr/sbin:/usr/bin:/sbin:/bin", HOME: "/tmp" },
      stderr: "pipe",
    });
    if (!run.success) throw new Error(`${run.stdout}${run.stderr}`);
    const lines = run.stdout.toString().trim().split("\n");
    const [built, cached, kept, ...composed] = lines;
    expect(built).toBe("7 file secret 4");
    expect(Number(cached)).toBe(2);
    expect(Number(kept)).toBeGreaterThan(1);
    expect(composed).toEqual(["9 file  4", "answer", "db running", "web running"]);
  },
);
