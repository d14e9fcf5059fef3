"""A tiny company, loaded as an operator loads one: three products, one carrier, and two customers, of whom C002 may buy
on credit for 60.00 CNY only.
"""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from shared.database import Database
from tests.support.orders import submitted
from workers.intake.parse import Submission
from workers.masterdata import load_folder

FILES = {
    "customers": """
        code,name_zh,name_en,country,region,sale_type,class
        C001,上海明珠贸易有限公司,Shanghai Pearl Trading,CN,上海,domestic,A
        C002,广州南海电器有限公司,Guangzhou Nanhai,CN,广东,domestic,
        """,
    "products": """
        code,name_zh,name_en,category,weight_grams
        P001,激光打印机,Laser printer,office,8200
        P002,硒鼓,Toner,office,900
        P003,绝版纪念品,Rare souvenir,gifts,100
        """,
    "prices": """
        product,currency,unit_price,effective_from
        P001,CNY,100.00,2020-01-01
        P002,CNY,50.00,2020-01-01
        P003,CNY,10.00,2020-01-01
        """,
    "accounts": """
        customer,currency,credit_limit,terms,tax_number,invoice_title,invoice_address
        C001,CNY,900000000.00,prepaid net_30,91310000MA1K00001X,上海明珠贸易有限公司,上海市浦东新区世纪大道1号
        C002,CNY,60.00,net_30,91440000MA1K00002X,广州南海电器有限公司,广州市越秀区中山路2号
        """,
    "stock": """
        product,on_hand
        P001,1000000
        P002,1000000
        """,
    "carriers": """
        code,name_zh,name_en
        SF,顺达,Shunda
        """,
    "carrier_rates": """
        carrier,country,base_fee,per_kg_fee,currency,transit_days
        SF,CN,20.00,3.00,CNY,2
        """,
    "compliance_rules": """
        code,kind,value,name_zh,name_en
        R-1,product,P999,受限商品,restricted goods
        """,
    "staff": """
        id,name,roles
        sam,山姆,salesperson finance_clerk
        fiona,费欧娜,finance_clerk
        wei,伟,warehouse_keeper
        """,
}


def load_company(database: Database, folder: Path) -> None:
    """Load it, by way of files in an empty folder."""
    for name, text in FILES.items():
        lines = [line.strip() for line in text.strip().splitlines()]
        (folder / f"{name}.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    saved, faults = load_folder(database, folder)
    assert not faults, faults
    assert saved.keys() == FILES.keys()


def raw(external_id: str = "X-1", **changes: Any) -> bytes:
    """A submission that is accepted, as bytes."""
    return json.dumps(submitted(external_id, **changes), ensure_ascii=False).encode()


def handed_in(bodies: Iterable[bytes], origin: str = "test") -> list[Submission]:
    """As an edge hands them to intake; `origin` and a number say where from."""
    return [Submission(body, f"{origin} {place}") for place, body in enumerate(bodies, 1)]
