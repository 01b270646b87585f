import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Map;
import org.graalvm.polyglot.Context;
import org.graalvm.polyglot.Engine;
import org.graalvm.polyglot.PolyglotException;
import org.graalvm.polyglot.Source;
import org.graalvm.polyglot.Value;
import org.graalvm.polyglot.io.ByteSequence;
import org.graalvm.polyglot.proxy.ProxyExecutable;
import org.graalvm.polyglot.proxy.ProxyObject;

/**
 * Runs a guest on GraalWasm: tier {@code interpreter}, or {@code jit} in a JVM that has the Graal
 * compiler. See {@link Host} for the command line.
 */
final class RunGraalWasm implements Host.Engine {
    private final Engine engine;

    private RunGraalWasm(String tier) {
        engine = Engine.newBuilder("wasm").option("engine.WarnInterpreterOnly", "false").build();
        boolean interprets = engine.getImplementationName().equals("Interpreted");
        if (interprets != tier.equals("interpreter")) {
            throw new IllegalStateException("this is no JVM for tier " + tier);
        }
    }

    public static void main(String[] arguments) {
        Host.main(arguments, new String[] {"interpreter", "jit"}, RunGraalWasm::new);
    }

    @Override
    public String version() {
        // The engine's own word is "Development Build" on any JVM but GraalVM.
        String file = "/META-INF/graalvm/org.graalvm.polyglot/version";
        try (InputStream stream = Engine.class.getResourceAsStream(file)) {
            return new String(stream.readAllBytes(), StandardCharsets.UTF_8).strip();
        } catch (IOException error) {
            throw Host.End.host(error);
        }
    }

    @Override
    public Object prepare(byte[] module) {
        ByteSequence bytes = ByteSequence.create(module);
        Source source = Source.newBuilder("wasm", bytes, "guest").buildLiteral();
        try (Context context = context()) {
            context.eval(source);
        } catch (PolyglotException error) {
            if (error.isInternalError()) throw error;
            throw Host.End.rejected(error.getMessage());
        }
        return source;
    }

    @Override
    public void run(Object prepared, Host.Wasi wasi) {
        try (Context context = context()) {
            Value[] exports = new Value[1];
            Value instance = context.eval((Source) prepared).newInstance(imports(wasi, exports));
            exports[0] = instance.getMember("exports");
            exports[0].getMember("_start").executeVoid();
        } catch (PolyglotException error) {
            Throwable thrown = error.isHostException() ? error.asHostException() : null;
            if (thrown instanceof Host.End end) throw end;
            if (thrown != null || error.isInternalError()) throw error;
            throw Host.End.trap(error.getMessage());
        }
    }

    private Context context() {
        return Context.newBuilder("wasm").engine(engine).build();
    }

    private static ProxyObject imports(Host.Wasi wasi, Value[] exports) {
        ProxyExecutable read = a -> {
            int[] n = numbers(a);
            return wasi.read(memory(exports), n[0], n[1], n[2], n[3]);
        };
        ProxyExecutable write = a -> {
            int[] n = numbers(a);
            return wasi.write(memory(exports), n[0], n[1], n[2], n[3]);
        };
        ProxyExecutable exit = a -> {
            throw Host.End.exit(numbers(a)[0]);
        };
        var functions = ProxyObject.fromMap(
                Map.of("fd_read", read, "fd_write", write, "proc_exit", exit));
        return ProxyObject.fromMap(Map.of(Host.Wasi.MODULE, functions));
    }

    private static int[] numbers(Value[] arguments) {
        return Arrays.stream(arguments).mapToInt(Value::asInt).toArray();
    }

    private static Host.Memory memory(Value[] exports) {
        Value memory = exports[0].getMember("memory");
        return new Host.Memory() {
            @Override
            public long size() {
                return memory.getBufferSize();
            }

            @Override
            public byte[] read(int at, int size) {
                byte[] bytes = new byte[size];
                memory.readBuffer(Integer.toUnsignedLong(at), bytes, 0, size);
                return bytes;
            }

            @Override
            public void write(int at, byte[] from) {
                ByteBuffer bytes = ByteBuffer.wrap(from).order(ByteOrder.LITTLE_ENDIAN);
                long start = Integer.toUnsignedLong(at);
                while (bytes.remaining() >= Long.BYTES) { // there is no way for more at once
                    long to = start + bytes.position();
                    memory.writeBufferLong(bytes.order(), to, bytes.getLong());
                }
                while (bytes.hasRemaining()) {
                    memory.writeBufferByte(start + bytes.position(), bytes.get());
                }
            }
        };
    }
}
