import com.dylibso.chicory.compiler.InterpreterFallback;
import com.dylibso.chicory.compiler.MachineFactoryCompiler;
import com.dylibso.chicory.runtime.HostFunction;
import com.dylibso.chicory.runtime.ImportValues;
import com.dylibso.chicory.runtime.Instance;
import com.dylibso.chicory.runtime.InterpreterMachine;
import com.dylibso.chicory.runtime.Machine;
import com.dylibso.chicory.wasm.ChicoryException;
import com.dylibso.chicory.wasm.Parser;
import com.dylibso.chicory.wasm.WasmModule;
import com.dylibso.chicory.wasm.types.FunctionType;
import com.dylibso.chicory.wasm.types.ValType;
import java.io.IOException;
import java.io.InputStream;
import java.util.List;
import java.util.Properties;
import java.util.function.Function;

/**
 * Runs a guest on Chicory: tier {@code interpreter}, or {@code compiler} to JVM bytecode, which
 * leaves a function too large for a Java method to the interpreter. See {@link Host} for the
 * command line.
 */
final class RunChicory implements Host.Engine {
    private static final ValType I32 = ValType.I32;
    private static final FunctionType TRANSFER =
            FunctionType.of(List.of(I32, I32, I32, I32), List.of(I32));

    private final boolean compiles;

    private RunChicory(String tier) {
        compiles = tier.equals("compiler");
    }

    public static void main(String[] arguments) {
        Host.main(arguments, new String[] {"interpreter", "compiler"}, RunChicory::new);
    }

    private record Prepared(WasmModule module, Function<Instance, Machine> machine) {}

    @Override
    public String version() {
        String file = "/META-INF/maven/com.dylibso.chicory/runtime/pom.properties";
        try (InputStream stream = Instance.class.getResourceAsStream(file)) {
            Properties properties = new Properties();
            properties.load(stream);
            return properties.getProperty("version");
        } catch (IOException error) {
            throw Host.End.host(error);
        }
    }

    @Override
    public Object prepare(byte[] bytes) {
        try {
            WasmModule module = Parser.parse(bytes);
            return new Prepared(module, compiles ? compiled(module) : InterpreterMachine::new);
        } catch (ChicoryException error) {
            throw Host.End.rejected(error.getMessage());
        }
    }

    private static Function<Instance, Machine> compiled(WasmModule module) {
        var compiler = MachineFactoryCompiler.builder(module);
        return compiler.withInterpreterFallback(InterpreterFallback.SILENT).compile();
    }

    @Override
    public void run(Object prepared, Host.Wasi wasi) {
        Prepared guest = (Prepared) prepared;
        try {
            Instance instance = Instance.builder(guest.module())
                    .withImportValues(imports(wasi))
                    .withMachineFactory(guest.machine())
                    .withStart(false) // that would run `_start`
                    .build();
            instance.export("_start").apply();
        } catch (ChicoryException error) {
            throw Host.End.trap(error.getMessage());
        }
    }

    private static ImportValues imports(Host.Wasi wasi) {
        String module = Host.Wasi.MODULE;
        FunctionType takesCode = FunctionType.accepting(I32);
        return ImportValues.builder()
                .addFunction(
                        new HostFunction(module, "fd_read", TRANSFER, (guest, a) -> new long[] {
                            wasi.read(memory(guest), (int) a[0], (int) a[1], (int) a[2], (int) a[3])
                        }),
                        new HostFunction(module, "fd_write", TRANSFER, (guest, a) -> new long[] {
                            wasi.write(
                                    memory(guest), (int) a[0], (int) a[1], (int) a[2], (int) a[3])
                        }),
                        new HostFunction(module, "proc_exit", takesCode, (guest, a) -> {
                            throw Host.End.exit((int) a[0]);
                        }))
                .build();
    }

    private static Host.Memory memory(Instance instance) {
        var memory = instance.memory();
        return new Host.Memory() {
            @Override
            public long size() {
                return 65536L * memory.pages();
            }

            @Override
            public byte[] read(int at, int size) {
                return memory.readBytes(at, size);
            }

            @Override
            public void write(int at, byte[] from) {
                memory.write(at, from);
            }
        };
    }
}
