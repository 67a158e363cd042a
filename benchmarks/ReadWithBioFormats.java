import java.io.*;
import java.nio.file.*;
import loci.common.DebugTools;
import loci.formats.*;
import loci.formats.meta.IMetadata;
import loci.formats.services.OMEXMLService;
import loci.common.services.ServiceFactory;
import ome.units.UNITS;
import ome.units.quantity.*;

/** Reads each file named on standard input with Bio-Formats: a line of metadata for each image, and its planes as raw bytes (T, C, Z, Y, X). */
public class ReadWithBioFormats {
  static String um(Length l) { try { return l == null ? "" : "" + l.value(UNITS.MICROMETER).doubleValue(); } catch (Exception e) { return ""; } }
  static String s(Time t) { return t == null ? "" : "" + t.value(UNITS.SECOND).doubleValue(); }
  public static void main(String[] a) throws Exception {
    DebugTools.setRootLevel("OFF");
    BufferedReader in = new BufferedReader(new InputStreamReader(System.in));
    int number = 0;
    for (String path; (path = in.readLine()) != null; number++) {
      try (ChannelSeparator r = new ChannelSeparator(new ImageReader())) {
        IMetadata m = new ServiceFactory().getInstance(OMEXMLService.class).createOMEXMLMetadata();
        r.setMetadataStore(m); r.setFlattenedResolutions(false); r.setId(path);
        for (int i = 0; i < r.getSeriesCount(); i++) {
          r.setSeries(i);
          String raw = a[0] + "/" + number + "_" + i + ".raw";
          StringBuilder names = new StringBuilder(), times = new StringBuilder();
          int n = Math.min(m.getChannelCount(i), r.getSizeC());
          for (int c = 0; c < n; c++) names.append(c > 0 ? "|" : "").append(m.getChannelName(i, c) == null ? "" : m.getChannelName(i, c));
          for (int t = 0; t < r.getSizeT(); t++) {
            String v = "";
            for (int p = 0; p < m.getPlaneCount(i); p++) if (m.getPlaneTheT(i, p).getValue() == t && m.getPlaneDeltaT(i, p) != null) { v = s(m.getPlaneDeltaT(i, p)); break; }
            times.append(t > 0 ? "|" : "").append(v);
          }
          System.out.println(String.join("\t", path, "" + i, r.getFormat(), r.getSizeT() + "," + r.getSizeC() + "," + r.getSizeZ() + "," + r.getSizeY() + "," + r.getSizeX(),
            FormatTools.getPixelTypeString(r.getPixelType()), r.isLittleEndian() ? "<" : ">",
            um(m.getPixelsPhysicalSizeZ(i)) + "," + um(m.getPixelsPhysicalSizeY(i)) + "," + um(m.getPixelsPhysicalSizeX(i)),
            s(m.getPixelsTimeIncrement(i)), times.toString(), names.toString(), raw, m.getImageName(i) == null ? "" : m.getImageName(i).replaceAll("\\s", " ")));
          try (OutputStream out = new BufferedOutputStream(new FileOutputStream(raw))) {
            for (int t = 0; t < r.getSizeT(); t++) for (int c = 0; c < r.getSizeC(); c++) for (int z = 0; z < r.getSizeZ(); z++) out.write(r.openBytes(r.getIndex(z, c, t)));
          }
        }
      } catch (Throwable e) { System.out.println(path + "\t\tERROR " + e); }
    }
  }
}
