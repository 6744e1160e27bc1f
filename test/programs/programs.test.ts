/** Programs from Debian's packages, serving and dropping privileges as they do on a machine. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type TestHost, testHost, users } from "../e2e/host.ts";
import { fetchFrom, machineAddress } from "../e2e/machine.ts";

const archive = process.env.COOPER_PROGRAMS_IMAGE ?? "";
const image = "localhost/programs";

async function until(isTrue: () => Promise<boolean>): Promise<void> {
  for (let wait = 0; wait < 300; wait++) {
    if (await isTrue()) return;
    await Bun.sleep(100);
  }
  throw new Error("it did not come true in half a minute");
}

/** A port that nobody listens on right now. */
function freePort(): number {
  using server = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data: () => undefined } });
  return server.port;
}

/** Listens for everybody in its network. */
const database = `install -d -o postgres /run/postgresql
  echo 'host all all all trust' > /hba
  exec setpriv --reuid postgres --regid postgres --init-groups /usr/lib/postgresql/15/bin/postgres \\
    -D /var/lib/postgresql/15/main -c config_file=/etc/postgresql/15/main/postgresql.conf \\
    -c hba_file=/hba -c 'listen_addresses=*'`;

/** Counts visits in the database "db"; a request waits until that answers. */
const application = `
import http.server, psycopg2, time

def visit():
    for attempt in range(300):
        try:
            with psycopg2.connect(host="db", user="postgres", connect_timeout=2) as connection:
                cursor = connection.cursor()
                cursor.execute("create table if not exists visit (n serial)")
                cursor.execute("insert into visit default values returning n")
                return cursor.fetchone()[0]
        except psycopg2.OperationalError as error:
            failure = error
            time.sleep(0.1)
    raise failure

class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        text = f"visit {visit()}".encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

http.server.ThreadingHTTPServer(("", 80), Page).serve_forever()
`;

describe.each(users.map((user) => ({ user, who: user?.name ?? "the caller" })))(
  "programs as $who",
  ({ user }) => {
    let host: TestHost;
    beforeAll(async () => {
      host = await testHost(user);
      await host.must("import", archive, image);
    });
    afterAll(() => host[Symbol.asyncDispose]());

    test("python runs a script of the caller", async () => {
      const work = host.place("work");
      await Bun.write(`${work}/hello.py`, "import sys\nprint('hello', sys.argv[1], 6 * 7)\n");
      const argv = ["run", "--rm", "--network", "none", "-v", `${work}:/w:ro`, image];
      expect(await host.must(...argv, "python3", "/w/hello.py", "x")).toBe("hello x 42");
    });

    test("nginx serves, its workers are www-data, and it ends when asked", async () => {
      const port = freePort();
      const listen = `s/listen 80 .*/listen 127.0.0.1:${port};/;s/listen \\[.*//`;
      const script = `sed -i '${listen}' /etc/nginx/sites-enabled/default; exec nginx -g 'daemon off;'`;
      await host.must("run", "-d", "--name", "web", "--network", "host", image, "sh", "-c", script);
      const page = async () => (await fetch(`http://127.0.0.1:${port}/`)).text().catch(() => "");
      await until(async () => (await page().catch(() => "")).includes("Welcome to nginx!"));
      const processes = await host.must("top", "web", "user", "args");
      expect(processes).toContain("www-data");
      await host.must("stop", "web");
      expect(await host.must("inspect", "-f", "{{.State.ExitCode}}", "web")).toBe("0");
      await host.must("rm", "web");
    });

    test("PostgreSQL keeps its data in a volume from one container to the next", async () => {
      const port = freePort();
      const data = "/var/lib/postgresql/15/main";
      // as their Docker images do it: root makes a place, and becomes postgres
      const server = `install -d -o postgres /run/postgresql
        exec setpriv --reuid postgres --regid postgres --init-groups /usr/lib/postgresql/15/bin/postgres \\
          -D ${data} -p ${port} -c config_file=/etc/postgresql/15/main/postgresql.conf`;
      const options = ["-d", "--name", "db", "--network", "host", "-v", "data:/var/lib/postgresql"];
      const sql = (text: string) =>
        host.cooper("exec", "-u", "postgres", "db", "psql", "-p", `${port}`, "-Atc", text);
      const start = () => host.must("run", ...options, image, "sh", "-c", server);
      await start();
      await until(async () => (await sql("select 1")).stdout === "1\n");
      await sql("create table t (n int); insert into t select generate_series(1, 1000)");
      await host.must("rm", "-f", "--time", "10", "db");
      await start();
      await until(async () => (await sql("select 1")).stdout === "1\n");
      expect((await sql("select sum(n) from t")).stdout).toBe("500500\n");
      await host.must("rm", "-f", "--time", "10", "db");
    });

    test("a web application finds its database by name, and is reached from other hosts", async () => {
      await using own = await testHost(user, { networks: true });
      const machine = own.machine;
      if (machine === null) throw new Error("a host with networks is on a machine");
      await own.must("import", archive, image);
      await own.must("network", "create", "shop");
      const work = own.place("app");
      await Bun.write(`${work}/app.py`, application);
      const startDatabase = () =>
        own.must("run", "-d", "--name", "db", "--network", "shop", image, "sh", "-c", database);
      await startDatabase();
      const app = ["--network", "shop", "-p", "8080:80", "-v", `${work}:/app:ro`, image];
      await own.must("run", "-d", "--name", "web", ...app, "python3", "/app/app.py");
      const visit = (words: readonly string[], address: string) =>
        fetchFrom(words, `http://${address}:8080/`);
      expect(await visit(machine.words(), "127.0.0.1")).toBe("visit 1");
      expect(await visit(machine.wordsOnNeighbour(), machineAddress.ipv4)).toBe("visit 2");
      expect(await own.must("port", "web")).toContain("80/tcp -> 0.0.0.0:8080");
      // a new database under the same name, with another address
      await own.must("rm", "-f", "--time", "10", "db");
      await own.must("run", "-d", "--name", "other", "--network", "shop", image, "sleep", "300");
      await startDatabase();
      expect(await visit(machine.words(), machineAddress.ipv4)).toBe("visit 1");
      await own.must("rm", "-f", "-a", "-t", "1");
    });

    test("apt installs a package, with its own users and files of theirs", async () => {
      const script =
        "apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends openssh-server >/dev/null 2>&1; stat -c '%U %G %a' /usr/bin/ssh-agent";
      expect(await host.must("run", "--rm", "--network", "host", image, "sh", "-c", script)).toBe(
        "root _ssh 2755",
      );
    });
  },
);
