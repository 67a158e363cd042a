"""Terminal names (functional names of the finished animal) that are accepted on input.

Cells that exist at hatching and that texts call by such a name: nearly all embryonic neurons, and
seam, glia, gland and coelomocyte cells. Symmetry letters are capitals. Single letters (B, U, W,
Y) and names of postembryonic cells are left out.
"""

from __future__ import annotations

_TEXT = """
    ADAL ABplapaaaapp  ADAR ABprapaaaapp  ADEL ABplapaaaapa  ADER ABprapaaaapa
    ADEshL ABarppaaaa  ADEshR ABarpppaaa  ADFL ABalpppppaa  ADFR ABpraaappaa  ADLL ABalppppaad
    ADLR ABpraaapaad  AFDL ABalpppapav  AFDR ABpraaaapav  AIAL ABplppaappa  AIAR ABprppaappa
    AIBL ABplaapappa  AIBR ABpraapappa  AIML ABplpaapppa  AIMR ABprpaapppa  AINL ABalaaaalal
    AINR ABalaapaaar  AIYL ABplpapaaap  AIYR ABprpapaaap  AIZL ABplapaaapav  AIZR ABprapaaapav
    ALA ABalapppaaa  ALML ABarppaappa  ALMR ABarpppappa  ALNL ABplapappppap  ALNR ABprapappppap
    AMshL ABplaapaapp  AMshR ABpraapaapp  AMsoL ABplpaapapa  AMsoR ABprpaapapa
    ASEL ABalppppppaa  ASER ABpraaapppaa  ASGL ABplaapapap  ASGR ABpraapapap  ASHL ABplpaappaa
    ASHR ABprpaappaa  ASIL ABplaapapppa  ASIR ABpraapapppa  ASJL ABalpppppppa  ASJR ABpraaappppa
    ASKL ABalpppapppa  ASKR ABpraaaapppa  AUAL ABalpppppppp  AUAR ABpraaappppp  AVAL ABalppaaapa
    AVAR ABalaappapa  AVBL ABplpaapaap  AVBR ABprpaapaap  AVDL ABalaaapalr  AVDR ABalaaapprl
    AVEL ABalpppaaaa  AVER ABpraaaaaaa  AVG ABprpapppap  AVHL ABalapaaaaa  AVHR ABalappapaa
    AVJL ABalapapppa  AVJR ABalapppppa  AVKL ABplpapapap  AVKR ABprpapapap  AVL ABprpappaap
    AWAL ABplaapapaa  AWAR ABpraapapaa  AWBL ABalpppppap  AWBR ABpraaappap  AWCL ABplpaaaaap
    AWCR ABprpaaaaap  BAGL ABalppappap  BAGR ABarappppap  BDUL ABarppaappp  BDUR ABarpppappp
    CANL ABalapaaapa  CANR ABalappappa  CEMDL ABplaaaaaap  CEMDR ABarpapaaap  CEMVL ABplpaapapp
    CEMVR ABprpaapapp  CEPDL ABplaaaaappa  CEPDR ABarpapaappa  CEPVL ABplpaappppa
    CEPVR ABprpaappppa  CEPshDL ABarpaaaapp  CEPshDR ABarpaaapap  CEPshVL ABplpaaapap
    CEPshVR ABprpaaapap  CEPsoDL ABalapapppp  CEPsoDR ABalapppppp  CEPsoVL ABalppaappp
    CEPsoVR ABalaapappp  DA1 ABprppapaap  DA2 ABplppapapa  DA3 ABprppapapa  DA4 ABplppapapp
    DA5 ABprppapapp  DA6 ABplpppaaap  DA7 ABprpppaaap  DA8 ABprpapappp  DA9 ABplpppaaaa
    DB1 ABplpaaaapp  DB2 ABarappappa  DB3 ABprpaaaapp  DB4 ABprpappapp  DB5 ABplpapappp
    DB6 ABplppaappp  DB7 ABprppaappp  DD1 ABplppappap  DD2 ABprppappap  DD3 ABplppapppa
    DD4 ABprppapppa  DD5 ABplppapppp  DD6 ABprppapppp  DVA ABprppppapp  DVC Caapaa
    FLPL ABplapaaapad  FLPR ABprapaaapad  GLRDL MSaaaaaal  GLRDR MSaaaaaar  GLRL MSapaaaad
    GLRR MSppaaaad  GLRVL MSapaaaav  GLRVR MSppaaaav  H0L ABplaaappa  H0R ABarpapppa
    H1L ABplaaappp  H1R ABarpapppp  H2L ABarppaaap  H2R ABarpppaap  HSNL ABplapppappa
    HSNR ABprapppappa  I1L ABalpapppaa  I1R ABarapappaa  I2L ABalpappaapa  I2R ABarapapaapa
    I3 MSaaaaapaa  I4 MSaaaapaa  I5 ABarapapapp  I6 MSpaaapaa  IL1DL ABalapappaaa
    IL1DR ABalappppaaa  IL1L ABalapaappaa  IL1R ABalaappppaa  IL1VL ABalppapppaa
    IL1VR ABarapppppaa  IL2DL ABalapappap  IL2DR ABalappppap  IL2L ABalapaappp  IL2R ABalaappppp
    IL2VL ABalppapppp  IL2VR ABarapppppp  LUAL ABplpppaapap  LUAR ABprpppaapap  M1 MSpaapaaa
    M2L ABaraapappa  M2R ABaraappppa  M3L ABaraapappp  M3R ABaraappppp  M4 MSpaaaaaa
    M5 MSpaaapap  MCL ABalpaaappp  MCR ABarapaappp  MI ABaraappaaa  NSML ABaraapapaav
    NSMR ABaraapppaav  OLLL ABalppppapaa  OLLR ABpraaapapaa  OLQDL ABalapapapaa
    OLQDR ABalapppapaa  OLQVL ABplpaaappaa  OLQVR ABprpaaappaa  PHAL ABplpppaapp
    PHAR ABprpppaapp  PHBL ABplapppappp  PHBR ABprapppappp  PHshL ABplpppapaa  PHshR ABprpppapaa
    PLML ABplapappppaa  PLMR ABprapappppaa  PVCL ABplpppaapaa  PVCR ABprpppaapaa
    PVPL ABplppppaaa  PVPR ABprppppaaa  PVQL ABplapppaaa  PVQR ABprapppaaa  PVR Caappv
    PVT ABplpappppa  QL ABplapapaaa  QR ABprapapaaa  RIAL ABalapaapaa  RIAR ABalaapppaa
    RIBL ABplpaappap  RIBR ABprpaappap  RICL ABplppaaaapp  RICR ABprppaaaapp  RID ABalappaapa
    RIFL ABplppapaaap  RIFR ABprppapaaap  RIGL ABplppappaa  RIGR ABprppappaa  RIH ABprpappaaa
    RIML ABplppaapap  RIMR ABprppaapap  RIPL ABalpapaaaa  RIPR ABarappaaaa  RIR ABprpapppaa
    RIS ABprpappapa  RIVL ABplpaapaaa  RIVR ABprpaapaaa  RMDDL ABalpapapaa  RMDDR ABarappapaa
    RMDL ABalpppapad  RMDR ABpraaaapad  RMDVL ABalppapaaa  RMDVR ABarapppaaa  RMED ABalapppaap
    RMEL ABalaaaarlp  RMER ABalaaaarrp  RMEV ABplpappaaa  RMGL ABplapaaapp  RMGR ABprapaaapp
    SAADL ABalppapapa  SAADR ABarapppapa  SAAVL ABplpaaaaaa  SAAVR ABprpaaaaaa  SABD ABplppapaap
    SABVL ABplppapaaaa  SABVR ABprppapaaaa  SIADL ABplpapaapa  SIADR ABprpapaapa
    SIAVL ABplpapappa  SIAVR ABprpapappa  SIBDL ABplppaaaaa  SIBDR ABprppaaaaa
    SIBVL ABplpapaapp  SIBVR ABprpapaapp  SMBDL ABalpapapapp  SMBDR ABarappapapp
    SMBVL ABalpapappp  SMBVR ABarappappp  SMDDL ABplpapaaaa  SMDDR ABprpapaaaa
    SMDVL ABalppappaa  SMDVR ABarappppaa  URADL ABplaaaaaaa  URADR ABarpapaaaa
    URAVL ABplpaaapaa  URAVR ABprpaaapaa  URBL ABplaapaapa  URBR ABpraapaapa  URXL ABplaaaaappp
    URXR ABarpapaappp  URYDL ABalapapapp  URYDR ABalapppapp  URYVL ABplpaaappp
    URYVR ABprpaaappp  V1L ABarppapaa  V1R ABarppppaa  V2L ABarppapap  V2R ABarppppap
    V3L ABplappapa  V3R ABprappapa  V4L ABarppappa  V4R ABarpppppa  V5L ABplapapaap
    V5R ABprapapaap  V6L ABarppappp  V6R ABarpppppp  XXXL ABplaaapaa  XXXR ABarpappaa
    Z1 MSpppaap  Z4 MSappaap  ccAL MSapapaaa  ccAR MSppapaaa  ccPL MSapapaap  ccPR MSppapaap
    exc_cell ABplpappaap  exc_duct ABplpaaaapa  g1AL MSaapaapaa  g1AR MSpapaapaa  g1P MSaaaaapap
    g2L MSaapapaa  g2R MSpapapaa  hmc MSappaaa  hyp11 Cpappv
"""

_WORDS = _TEXT.split()
ALIASES: dict[str, str] = dict(zip(_WORDS[::2], _WORDS[1::2], strict=True))
"""Terminal name -> Sulston name. Input only: they are never written into a cell column."""
