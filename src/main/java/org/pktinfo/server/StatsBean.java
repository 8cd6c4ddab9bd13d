package org.pktinfo.server;

import java.io.Closeable;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.lang.reflect.RecordComponent;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Supplier;
import javax.management.Attribute;
import javax.management.AttributeList;
import javax.management.AttributeNotFoundException;
import javax.management.DynamicMBean;
import javax.management.InstanceAlreadyExistsException;
import javax.management.InstanceNotFoundException;
import javax.management.JMException;
import javax.management.MBeanAttributeInfo;
import javax.management.MBeanInfo;
import javax.management.MalformedObjectNameException;
import javax.management.ObjectName;
import org.pktinfo.ChannelStats;
import org.pktinfo.SendException;

/**
 * A server's counters for JMX, one attribute for each number of a new snapshot. Loaded only if a bean is registered.
 */
final class StatsBean implements DynamicMBean {
    private static final String CHANNELS = "channels";

    private final Supplier<ServerStats> stats;

    private StatsBean(Supplier<ServerStats> stats) {
        this.stats = stats;
    }

    /** Registers a bean; closing the result unregisters it. */
    static Closeable register(String name, Supplier<ServerStats> stats) {
        ObjectName objectName;
        try {
            objectName = new ObjectName("org.pktinfo:type=DatagramServer,name=" + ObjectName.quote(name));
            ManagementFactory.getPlatformMBeanServer().registerMBean(new StatsBean(stats), objectName);
        } catch (InstanceAlreadyExistsException e) {
            throw new IllegalStateException("there is a JMX bean of the name \"" + name + "\" already", e);
        } catch (MalformedObjectNameException e) {
            throw new IllegalArgumentException("\"" + name + "\" cannot be the name of a JMX bean", e);
        } catch (JMException e) {
            throw new IllegalStateException("the JMX bean \"" + name + "\" cannot be registered: " + e.getMessage(), e);
        }
        return () -> unregister(objectName);
    }

    private static void unregister(ObjectName name) throws IOException {
        try {
            ManagementFactory.getPlatformMBeanServer().unregisterMBean(name);
        } catch (InstanceNotFoundException e) {
            return; // unregistered before by other code
        } catch (JMException e) {
            throw new IOException(e);
        }
    }

    /** Returns the components of the records, and one number for each kind of error, zero if it did not occur. */
    private static Map<String, Long> numbers(ServerStats stats) {
        Map<String, Long> numbers = new TreeMap<>();
        put(numbers, "", stats, stats.sendErrors());
        put(numbers, CHANNELS, stats.channels(), stats.channels().sendErrors());
        return numbers;
    }

    private static void put(
            Map<String, Long> numbers, String prefix, Record stats, Map<SendException.Kind, Long> errors) {
        for (RecordComponent component : stats.getClass().getRecordComponents()) {
            if (component.getType() == long.class) {
                numbers.put(name(prefix, component.getName()), number(stats, component));
            }
        }
        for (SendException.Kind kind : SendException.Kind.values()) {
            String words = kind.name().replace('_', ' ').toLowerCase(Locale.ROOT);
            numbers.put(name(name(prefix, "sendErrors"), words), errors.getOrDefault(kind, 0L));
        }
    }

    /**
     * Returns a name without dots, which tools take for a path into a composite: "channels" and "send errors" become
     * channelsSendErrors.
     */
    private static String name(String prefix, String words) {
        StringBuilder name = new StringBuilder(prefix);
        for (String word : words.split(" ", -1)) {
            name.append(name.length() == 0 ? word.charAt(0) : Character.toUpperCase(word.charAt(0)))
                    .append(word, 1, word.length());
        }
        return name.toString();
    }

    private static long number(Record stats, RecordComponent component) {
        try {
            return (long) component.getAccessor().invoke(stats);
        } catch (ReflectiveOperationException e) {
            throw new LinkageError("the accessors of a public record are public", e);
        }
    }

    @Override
    public Object getAttribute(String name) throws AttributeNotFoundException {
        Long number = numbers(stats.get()).get(name);
        if (number == null) {
            throw new AttributeNotFoundException("no attribute " + name);
        }
        return number;
    }

    @Override
    public AttributeList getAttributes(String[] names) {
        Map<String, Long> numbers = numbers(stats.get());
        AttributeList list = new AttributeList();
        for (String name : names) {
            if (numbers.containsKey(name)) { // omits unknown names, as the interface specifies
                list.add(new Attribute(name, numbers.get(name)));
            }
        }
        return list;
    }

    @Override
    public MBeanInfo getMBeanInfo() {
        MBeanAttributeInfo[] attributes = numbers(stats.get()).keySet().stream()
                .map(name -> new MBeanAttributeInfo(
                        name, "long", "see " + recordOf(name).getName(), true, false, false))
                .toArray(MBeanAttributeInfo[]::new);
        return new MBeanInfo(
                StatsBean.class.getName(), "what a server has done since it started", attributes, null, null, null);
    }

    private static Class<?> recordOf(String name) {
        return name.startsWith(CHANNELS) ? ChannelStats.class : ServerStats.class;
    }

    @Override
    public void setAttribute(Attribute attribute) throws AttributeNotFoundException {
        throw new AttributeNotFoundException(attribute.getName() + " cannot be set");
    }

    @Override
    public AttributeList setAttributes(AttributeList attributes) {
        return new AttributeList();
    }

    @Override
    public Object invoke(String name, Object[] parameters, String[] signature) {
        throw new UnsupportedOperationException("there is nothing to invoke");
    }
}
