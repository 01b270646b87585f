import com.sun.management.OperatingSystemMXBean;
import java.io.BufferedReader;
import java.io.FileDescriptor;
import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.io.PrintStream;
import java.lang.management.ManagementFactory;
import java.nio.BufferUnderflowException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;
import java.util.function.Supplier;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * What the hosts in Java share: the command line, the three functions of WASI, the ways a guest
 * ends, and jobs.
 *
 * <pre>
 * java -cp CLASSPATH RunENGINE [--tier TIER] MODULE
 * java -cp CLASSPATH RunENGINE [--tier TIER] --serve
 * </pre>
 *
 * The guest's stdio is this process's. Exits with the guest's code (0 to 125); or with 134 after a
 * trap, 126 when the module is not accepted, 127 when this host is at fault: then the last line of
 * stderr is {@code trap: TEXT}, {@code rejected: TEXT} or {@code host: TEXT}.
 *
 * <p>With {@code --serve} it takes jobs, one JSON object a line on stdin, and answers each in one
 * line on stdout: {id, module, stdin, stdout, stderr, output_bytes, reuse} -> {id, end, code, text,
 * cpu_s}. A module is prepared once where it is used again; each job has an instance of its own.
 */
final class Host {
    private static final long STACK_BYTES = 64 << 20; // these engines call by calling
    private static final int PREPARED_MAX = 16;
    private static final int TEXT_MAX = 4096;

    private Host() {}

    /** An engine at one tier. */
    interface Engine {
        String version();

        /** What is kept of a module to run again. */
        Object prepare(byte[] module);

        /** Runs {@code _start} of a fresh instance of what {@code prepare} made to its end. */
        void run(Object prepared, Wasi wasi);
    }

    /** A guest's linear memory; its bytes are asked for within its bounds only. */
    interface Memory {
        long size();

        byte[] read(int at, int size);

        void write(int at, byte[] from);
    }

    /** The way a guest ended. */
    static final class End extends RuntimeException {
        private static final long serialVersionUID = 1;
        final String end;
        final int code;

        private End(String end, int code, String text) {
            super(String.valueOf(text).strip().replaceAll("\\s+", " "), null, false, false);
            this.end = end;
            this.code = code;
        }

        static End exit(int code) {
            return code >= 0 && code <= 125
                    ? new End("exit", code, "")
                    : trap("exit code " + code + " is not in 0..125");
        }

        static End trap(String text) {
            return new End("trap", 134, text);
        }

        static End rejected(String text) {
            return new End("rejected", 126, text);
        }

        static End host(Throwable fault) {
            return new End("host", 127, fault.toString());
        }
    }

    /** The guest's stdio: every iovec is checked, and only fds 0, 1 and 2 exist. */
    static final class Wasi {
        static final String MODULE = "wasi_snapshot_preview1";
        private static final int SUCCESS = 0, BADF = 8, FAULT = 21, IO = 29;
        private static final int MOST = 1 << 16; // bytes a call: a short transfer is lawful

        private final InputStream in;
        private final OutputStream[] outs;
        private long room;

        /** A guest that may write {@code room} bytes. */
        Wasi(InputStream in, OutputStream out, OutputStream error, long room) {
            this.in = in;
            this.outs = new OutputStream[] {null, out, error};
            this.room = room;
        }

        int read(Memory memory, int fd, int vectors, int count, int result) {
            if (fd != 0) return BADF;
            return transfer(memory, vectors, count, result, part -> {
                byte[] bytes = new byte[part[1]];
                int done = Math.max(0, in.read(bytes));
                memory.write(part[0], Arrays.copyOf(bytes, done));
                return done;
            });
        }

        int write(Memory memory, int fd, int vectors, int count, int result) {
            if (fd != 1 && fd != 2) return BADF;
            return transfer(memory, vectors, count, result, part -> {
                if ((room -= part[1]) < 0) throw new End("limit", 0, "output");
                outs[fd].write(memory.read(part[0], part[1]));
                return part[1];
            });
        }

        private interface Once {
            int move(int[] part) throws IOException;
        }

        /** Checks everything, then transfers the first part that is not empty, once. */
        private int transfer(Memory memory, int vectors, int count, int result, Once once) {
            long first = Integer.toUnsignedLong(vectors);
            long last = first + 8 * Integer.toUnsignedLong(count);
            if (last > memory.size()) return FAULT;
            if (Integer.toUnsignedLong(result) + 4 > memory.size()) return FAULT;
            int[] part = null;
            for (long at = first; at < last; at += 8) {
                ByteBuffer vector = littleEndian(memory.read((int) at, 8));
                int base = vector.getInt();
                long size = Integer.toUnsignedLong(vector.getInt());
                if (Integer.toUnsignedLong(base) + size > memory.size()) return FAULT;
                if (part == null && size > 0) part = new int[] {base, (int) Math.min(size, MOST)};
            }
            try {
                int done = part == null ? 0 : once.move(part);
                memory.write(result, word(done));
            } catch (IOException error) {
                return IO;
            }
            return SUCCESS;
        }

        private static byte[] word(int value) {
            return littleEndian(new byte[4]).putInt(value).array();
        }
    }

    /** Just enough of the binary format to refuse what no guest is. */
    private static final class Reader {
        private static final Set<String> IMPORTS = Set.of("fd_read", "fd_write", "proc_exit");
        private static final int MAGIC = 0x6d736100, IMPORT = 2, EXPORT = 7;
        private static final int FUNCTION = 0, MEMORY = 2;
        private final ByteBuffer bytes;

        private Reader(ByteBuffer bytes) {
            this.bytes = bytes;
        }

        /** Refuses a module that imports more than the three, or lacks what a guest must export. */
        static byte[] checked(byte[] module) {
            try {
                Reader reader = new Reader(littleEndian(module));
                if (reader.bytes.getInt() != MAGIC) throw End.rejected("not a wasm module");
                reader.bytes.getInt(); // the version
                Set<String> exports = new HashSet<>();
                while (reader.bytes.hasRemaining()) {
                    int id = reader.bytes.get();
                    Reader section = new Reader(reader.taken());
                    if (id == IMPORT) section.refuseSurplusImports();
                    if (id == EXPORT) section.addExports(exports);
                }
                demand(exports, "_start", FUNCTION);
                demand(exports, "memory", MEMORY);
                return module;
            } catch (BufferUnderflowException
                    | IllegalArgumentException
                    | IndexOutOfBoundsException cut) {
                throw End.rejected("not a wasm module: cut short");
            }
        }

        private static void demand(Set<String> exports, String name, int kind) {
            if (!exports.contains(name + " " + kind)) throw End.rejected("exports no " + name);
        }

        private void refuseSurplusImports() {
            for (int left = number(); left > 0; left--) {
                String source = name(), field = name();
                boolean known = source.equals(Wasi.MODULE) && IMPORTS.contains(field);
                if (!known || bytes.get() != FUNCTION) {
                    throw End.rejected("imports " + source + "." + field);
                }
                number();
            }
        }

        private void addExports(Set<String> exports) {
            for (int left = number(); left > 0; left--) {
                exports.add(name() + " " + bytes.get());
                number();
            }
        }

        private int number() {
            int value = 0, shift = 0, next;
            do {
                next = bytes.get();
                value |= (next & 127) << shift;
                shift += 7;
            } while (next < 0);
            return value;
        }

        /** As many bytes as the number before them says. */
        private ByteBuffer taken() {
            int size = number();
            ByteBuffer taken = bytes.slice(bytes.position(), size);
            bytes.position(bytes.position() + size);
            return taken;
        }

        private String name() {
            return StandardCharsets.UTF_8.decode(taken()).toString();
        }
    }

    /** Does what the command line says, and ends the process. */
    static void main(String[] arguments, String[] tiers, Function<String, Engine> engine) {
        boolean given = arguments.length > 1 && arguments[0].equals("--tier");
        String tier = given ? arguments[1] : tiers[0];
        int at = given ? 2 : 0;
        if (arguments.length != at + 1 || !List.of(tiers).contains(tier)) {
            leave(End.host(new Exception("expected [--tier TIER] MODULE or --serve")));
        }
        Supplier<Engine> started = () -> engine.apply(tier);
        Runnable work = arguments[at].equals("--serve")
                ? () -> leave(attempt(() -> serve(started.get(), System.out)))
                : () -> leave(attempt(() -> filter(started.get(), Path.of(arguments[at]))));
        new Thread(null, work, "guest", STACK_BYTES).start();
    }

    private static void filter(Engine engine, Path module) throws IOException {
        Object prepared = engine.prepare(Reader.checked(Files.readAllBytes(module)));
        engine.run(prepared, new Wasi(
                new FileInputStream(FileDescriptor.in),
                new FileOutputStream(FileDescriptor.out),
                new FileOutputStream(FileDescriptor.err),
                Long.MAX_VALUE));
    }

    private static ByteBuffer littleEndian(byte[] bytes) {
        return ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
    }

    private interface Work {
        void run() throws IOException;
    }

    private static End attempt(Work work) {
        try {
            work.run();
            return End.exit(0);
        } catch (End end) {
            return end;
        } catch (StackOverflowError overflow) {
            return End.trap("call stack exhausted");
        } catch (Throwable fault) {
            return End.host(fault);
        }
    }

    private static void leave(End end) {
        if (!end.end.equals("exit")) System.err.printf("%n%s: %s%n", end.end, end.getMessage());
        Runtime.getRuntime().halt(end.code);
    }

    private static void serve(Engine engine, PrintStream answers) {
        answers.printf("{\"ready\":true,\"version\":\"%s\"}%n", engine.version());
        Map<String, Object> prepared = new LinkedHashMap<>();
        var jobs = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        jobs.lines().forEach(line -> {
            Map<String, String> job = parse(line);
            double before = cpuSeconds();
            End end = attempt(() -> run(engine, prepared, job));
            String text = end.getMessage();
            text = text.substring(0, Math.min(TEXT_MAX, text.length()));
            answers.printf(
                    Locale.ROOT,
                    "{\"id\":%s,\"end\":\"%s\",\"code\":%d,\"text\":%s,\"cpu_s\":%.6f}%n",
                    job.get("id"), end.end, end.code, quoted(text), cpuSeconds() - before);
        });
    }

    private static void run(Engine engine, Map<String, Object> prepared, Map<String, String> job)
            throws IOException {
        try (InputStream in = new FileInputStream(job.get("stdin"));
                OutputStream out = new FileOutputStream(job.get("stdout"));
                OutputStream error = new FileOutputStream(job.get("stderr"))) {
            Path module = Path.of(job.get("module"));
            var key = module + " " + Files.getLastModifiedTime(module) + " " + Files.size(module);
            Object found = prepared.remove(key); // so that it becomes the youngest
            if (found == null) found = engine.prepare(Reader.checked(Files.readAllBytes(module)));
            if (job.get("reuse").equals("true")) prepared.put(key, found);
            if (prepared.size() > PREPARED_MAX) {
                prepared.remove(prepared.keySet().iterator().next());
            }
            engine.run(found, new Wasi(in, out, error, Long.parseLong(job.get("output_bytes"))));
        }
    }

    private static double cpuSeconds() {
        var system = (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
        return system.getProcessCpuTime() / 1e9;
    }

    private static final Pattern FIELD = Pattern.compile(
            "\"(\\w+)\"\\s*:\\s*(?:\"((?:[^\"\\\\]|\\\\.)*)\"|([\\w.+-]+))");
    private static final Pattern ESCAPE = Pattern.compile("\\\\(?:u(\\p{XDigit}{4})|(.))");

    /** The fields of a flat JSON object, strings without their quotes. */
    private static Map<String, String> parse(String line) {
        Map<String, String> fields = new HashMap<>();
        FIELD.matcher(line).results().forEach(found -> fields.put(
                found.group(1),
                found.group(2) == null ? found.group(3) : unescaped(found.group(2))));
        return fields;
    }

    private static String unescaped(String text) {
        return ESCAPE.matcher(text).replaceAll(found -> Matcher.quoteReplacement(
                found.group(1) != null
                        ? String.valueOf((char) Integer.parseInt(found.group(1), 16))
                        : found.group(2)));
    }

    private static String quoted(String text) {
        StringBuilder quoted = new StringBuilder("\"");
        for (char c : text.toCharArray()) {
            boolean plain = c >= ' ' && c < 127 && c != '"' && c != '\\';
            quoted.append(plain ? String.valueOf(c) : String.format("\\u%04x", (int) c));
        }
        return quoted.append('"').toString();
    }
}
