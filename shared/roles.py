"""The closed list of roles that people hold, and the department of each (the documents' roles, 岗位)."""

from collections.abc import Mapping
from types import MappingProxyType

DEPARTMENT_OF: Mapping[str, str] = MappingProxyType(
    {
        "salesperson": "sales_review",  # 销售人员, 制单人
        "sales_supervisor": "sales_review",  # 销售主管
        "sales_manager": "sales_review",  # 销售经理, 部门负责人
        "market_manager": "sales_review",  # 市场部经理
        "senior_management": "core",  # 高级管理层, 企业领导: approves, belongs to no worker
        "finance_clerk": "finance",  # 财务人员
        "finance_manager": "finance",  # 财务经理
        "compliance_officer": "compliance",  # 合规人员
        "legal_counsel": "compliance",  # 法务, 法律顾问
        "contract_manager": "compliance",  # 合同管理部门
        "technical_reviewer": "compliance",  # 技术部门, countersigns contracts
        "warehouse_keeper": "warehouse",  # 仓储人员
        "inspector": "warehouse",  # 质检员
        "purchasing": "warehouse",  # 采购部门
        "supply_chain": "warehouse",  # 供应链管理人员
        "order_processor": "warehouse",  # 销售订单处理部门
        "production_planner": "warehouse",  # 生产部门
        "logistics_clerk": "logistics",  # 物流人员
        "after_sales_clerk": "after_sales",  # 售后服务人员
        "operator": "core",  # 运维: queues, dead letters
        "administrator": "core",  # 系统管理员: people and their roles
    }
)

ROLES: tuple[str, ...] = tuple(DEPARTMENT_OF)

SALES = ("salesperson", "sales_supervisor", "sales_manager")
"""Who speaks with customers: hears what they ask and offers them prices (INT-02, INT-03)."""
CASE_WORKERS = ("after_sales_clerk", *SALES)
"""Who works on cases of after-sales: its clerks, and salespeople to whom one is assigned (AFT-06)."""
REGISTRAR = ("contract_manager",)
"""合同管理部门: registers contracts (CMP-02)."""
